"""The commented schedule of each shape: what a team of that kind keeps, right as it stands. Pure."""

from collections.abc import Callable

from drkit.config.editing import quoted
from drkit.shapes.known import Facts

_CHECKS = """\
# checks = [{ name = "there are orders", sql = "select count(*) > 0 from orders" }]   # asked of what was restored
"""
_KEEP = '{ within = "7d", daily = 30, weekly = 8, monthly = 12 }'


def write_text(facts: Facts) -> str:
    """As schedules/NAME.toml. Public halves of keys stand in it: nobody has to be able to read them from a file."""
    return _WRITERS[facts.shape.name](facts)


def _head(facts: Facts, about: str, store: str) -> str:
    return f"""{about}
timezone = "UTC"                          # naive times and calendar days are read in this zone

[store]
url = {quoted(facts.store)}
{store}
# replica = "s3://other-bucket/prefix?region=…&profile=dr"   # a copy in another region, by credentials of its own
"""


def _keys(facts: Facts, signing: str, signing_why: str, identity: str) -> str:
    signers = ", ".join(map(quoted, facts.signers))
    return f"""
[encryption]
recipients = [{quoted(facts.recipient)}]   # public; add a second one whose identity somebody else keeps
signers = [{signers}]   # public: whose backups and evidence are believed
signing_key = {quoted(signing)}{signing_why}
{identity}
"""


_SECRETS = (
    "# Credentials come from the usual AWS chain: AWS_ACCESS_KEY_ID and the like, as secret variables of the service."
)
_AT_HOME = '# identity = "file:../keys/identity"      # where restores and drills run: take the # away there'
_FILES = (
    "file:../keys/signing",
    "      # only where backups are made",
    'identity = "file:../keys/identity"        # only where restores run: move it off a host that makes backups',
)


def _platform(facts: Facts) -> str:
    place = facts.shape.place
    private = "${{Postgres.DATABASE_URL}}" if facts.shape.name == "railway" else "the internal database URL"
    where = f"   # {private}, where drkit is a service there"
    about = f"""# {facts.name}: PostgreSQL on {place}. drkit is a service of its own there, whose image has
# this file and no key. Dumps: all that they need is a connection string. Secrets are variables (docs/DOCKER.md)."""
    keys = _keys(
        facts,
        f"env:{facts.variable}_SIGNING_KEY",
        "   # a secret variable with what keys/signing holds",
        _AT_HOME,
    )
    return f"""{_head(facts, about, _SECRETS)}{keys}
[sources.main]
kind = "postgres"
dsn = {quoted(facts.origin)}{where if facts.origin.startswith("env:") else ""}
backup = "*/30 * * * *"                   # the worst loss is the interval, plus the capture, plus the upload
verify = "0 4 1 * *"                      # a restore test on the first of the month, where the identity is
keep = {_KEEP}
objectives = {{ rto = "15m", rpo = "1h" }}
{_CHECKS}# hooks = {{ after = "DATABASE_URL=$DRKIT_TARGET alembic upgrade head" }}   # after a restore
"""


def _kubernetes(facts: Facts) -> str:
    about = f"""# {facts.name}: PostgreSQL, backed up by CronJobs that `drkit k8s` writes of this file.
# What `file:` names is mounted from the Secret drkit-{facts.name} into the pods that need it (docs/KUBERNETES.md)."""
    store = f"# Credentials: a role of the pods' ServiceAccount, or the Secret drkit-{facts.name}-aws."
    why = "       # in each namespace another key"
    identity = 'identity = "file:../keys/identity"        # goes into the namespace of the drills alone'
    return f"""{_head(facts, about, store)}{_keys(facts, "file:../keys/signing", why, identity)}
[sources.main]
kind = "postgres"
dsn = {quoted(facts.origin)}
backup = "*/30 * * * *"                   # the worst loss is the interval, plus the capture, plus the upload
verify = "0 4 * * 0"                      # a restore test every Sunday, in a namespace where no backup runs
keep = {_KEEP}
objectives = {{ rto = "15m", rpo = "1h" }}
{_CHECKS}# hooks = {{ before = "kubectl scale deploy/api --replicas=0" }}   # around a restore; `after` resumes traffic
"""


def _neon(facts: Facts) -> str:
    about = f"""# {facts.name}: PostgreSQL on Neon: no superuser and no replication, so dumps. Each wakes the
# database, which costs: so there are few, with one stream. A smaller RPO wants more of them: change both lines."""
    store = "# Credentials come from the usual AWS chain."
    return f"""{_head(facts, about, store)}{_keys(facts, *_FILES)}
[sources.main]
kind = "postgres"
dsn = {quoted(facts.origin)}   # the direct endpoint, the host without -pooler, with ?sslmode=require
backup = "10 */6 * * *"                   # four a day: the worst loss is six hours, plus the capture, plus the upload
verify = "30 4 1 * *"                     # the monthly restore test
jobs = 1                                  # one stream is gentlest, and cheapest
keep = {{ within = "30d", weekly = 12, monthly = 12 }}
objectives = {{ rto = "2h", rpo = "24h" }}
# exclude_data = ["session", "sessions"]  # tables that stay, empty: everybody signs in again after a disaster
{_CHECKS}"""


def _volume(facts: Facts) -> str:
    about = f"""# {facts.name}: a SQLite database on a volume, captured while it is written. A volume is
# one service's: drkit runs where it is mounted, in the application's container or beside it."""
    store = (
        "# Not on the volume itself: what takes that away would take the backups too. Credentials: the usual AWS chain."
    )
    uploads = f"""
[sources.uploads]
kind = "files"
path = {quoted(facts.uploads or "/app/data/uploads")}
exclude = ["**/*.tmp"]
backup = "20 3 * * *"
keep = {{ daily = 30, monthly = 12 }}
objectives = {{ rpo = "26h" }}
"""
    if facts.uploads is None:
        uploads = "\n# Files that belong to it are a source of their own:\n" + "".join(
            f"# {line}\n" for line in uploads.strip().splitlines()
        )
    return f"""{_head(facts, about, store)}{_keys(facts, *_FILES)}
[sources.main]
kind = "sqlite"
path = {quoted(facts.origin)}
backup = "*/15 * * * *"                   # the database is locked for the copy alone
verify = "0 4 1 * *"                      # a restore test on the first of the month
keep = {{ within = "2d", hourly = 48, daily = 30, weekly = 8, monthly = 12 }}
objectives = {{ rto = "15m", rpo = "30m" }}
# spool = "/big/disk"                     # for the copy, if /tmp is too small for it
{_CHECKS}{uploads}"""


_WRITERS: dict[str, Callable[[Facts], str]] = {
    "railway": _platform,
    "render": _platform,
    "kubernetes": _kubernetes,
    "neon": _neon,
    "volume": _volume,
}
