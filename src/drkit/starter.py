"""A first schedule for a system: what `drkit init` finds in a folder, and the commented file that it writes.

It must not ask anybody anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drkit.config.editing import quoted
from drkit.config.values import holds_password, is_reference, parse_store_url
from drkit.errors import UsageError

KINDS = ("postgres", "sqlite", "files", "git")
_ASKED = ("postgres", "sqlite")  # kinds that answer SQL
VARIABLE = "DATABASE_URL"
_SQLITE_MAGIC = b"SQLite format 3\0"
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Answers:
    """`origin` is a path, or what `refer_to` makes of a DSN."""

    name: str
    kind: str
    origin: str
    store: str


def find_databases(folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """SQLite files in a folder and a little below, the nearest first."""
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return
    yield from (child for child in children if child.is_file() and _is_database(child))
    if depth > 1:
        for child in children:
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                yield from find_databases(child, depth - 1)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError:
        return False


def plain_name(text: str) -> str:
    """A name that a schedule may have, made of any text."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:63] or "main"


def is_postgres(dsn: str) -> bool:
    return dsn.startswith(("postgres://", "postgresql://", "postgresql+", "postgres+"))


def refer_to(dsn: str) -> str:
    """What a schedule may say of a DSN: a password never stands in it. A reference's path is this folder's."""
    if is_reference(dsn):
        kind, _, rest = dsn.partition(":")
        return f"file:{Path(rest).absolute()}" if kind == "file" else dsn
    return f"env:{VARIABLE}" if holds_password(dsn) else dsn


def insist_on_libpq(dsn: str, where: str) -> None:
    """SQLAlchemy and its like name the driver too, and the database's own programs do not know that."""
    scheme, separator, _ = dsn.partition("://")
    if separator and "+" in scheme:
        raise UsageError(
            f"{where} begins with {scheme}://, which PostgreSQL's own programs do not know",
            "give the same with postgresql://, by another variable if need be: env:NAME",
        )


def write_schedule(folder: Path, answers: Answers, text: str | None = None) -> Path:
    """The new schedules/NAME.toml, which trusts the keys in ../keys. An existing one is never overwritten."""
    file = refuse_unusable(folder, answers)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x") as out:
            out.write(_render(answers) if text is None else text)
    except FileExistsError as error:
        raise _taken(file) from error
    return file


def refuse_unusable(folder: Path, answers: Answers) -> Path:
    """Before anything is written: what no command could use, and a schedule that is there. Where it will be."""
    if answers.kind not in KINDS:
        raise UsageError(f"there is no kind {answers.kind!r}", f"the kinds are {', '.join(KINDS)}")
    if answers.name != plain_name(answers.name):
        hint = f"call it {plain_name(answers.name)}"
        raise UsageError(f"the name {answers.name!r} is not lower-case letters, digits, - and _", hint)
    parse_store_url(answers.store)
    file = folder / f"{answers.name}.toml"
    if file.exists():
        raise _taken(file)
    return file


def _taken(file: Path) -> UsageError:
    return UsageError(f"{file} exists already", "edit it, or give another --name")


def _render(answers: Answers) -> str:
    return f"""# What drkit does for {answers.name}. Paths are relative to this file's folder.
timezone = "UTC"                          # naive times and calendar days are read in this zone

[store]
url = {quoted(answers.store)}
# A folder on this disk is a beginning. What survives the disk:
# url = "s3://my-bucket/prefix?region=eu-west-1"   (credentials come from the usual AWS chain)
# lock_days = 30                          # object lock, in a bucket that was made with it: nobody can remove a backup

[encryption]
recipients = ["file:../keys/recipient"]   # whom backups are encrypted to; add a second one as escrow
signers = ["file:../keys/signer"]         # whose backups a restore accepts
signing_key = "file:../keys/signing"      # only where backups are made
identity = "file:../keys/identity"        # only where restores run: move it off the backup host

[sources.main]
kind = {quoted(answers.kind)}
{_place(answers)}
backup = "*/30 * * * *"                   # cron
verify = "0 4 1 * *"                      # a restore test on the first of the month: `drkit verify now`
keep = {{ within = "7d", daily = 30, weekly = 8, monthly = 12 }}
objectives = {{ rpo = "1h", rto = "15m" }}  # the worst loss is the interval, plus the capture, plus the upload
{_CHECKS if answers.kind in _ASKED else ""}{_POSTGRES_OPTIONS if answers.kind == "postgres" else ""}"""


def _place(answers: Answers) -> str:
    key = "dsn" if answers.kind == "postgres" else "path"
    return f"{key} = {quoted(answers.origin)}"


# Each line is as it must be when its # is taken away.
_CHECKS = """\
# checks = [{ name = "there are orders", sql = "select count(*) > 0 from orders" }]   # asked of what a drill restored
"""
_POSTGRES_OPTIONS = """\
# schemas = ["public"]                    # only these; exclude_tables leaves tables out, exclude_data their rows
# exclude_tables = ["scratch_*"]
# exclude_data = ["audit.events"]
# jobs = 1                                # streams at once, 1 is gentlest; rate_limit is what they may read a second
# rate_limit = "50MB"
# lock_timeout = "60s"                    # for how long a backup waits for somebody else's lock
# fingerprints = "full"                   # what a restore is compared with: full, counts, off
# hooks = { before = "./stop-traffic", after = "alembic upgrade head" }   # around a restore
"""
