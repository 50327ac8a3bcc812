import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from drkit import age, signing
from drkit.config import System, load_system, load_systems
from drkit.config.sources import PostgresTable
from drkit.config.values import parse_size
from drkit.errors import ConfigError
from drkit.keyfiles import write_keys
from drkit.model import Lock
from drkit.starter import Answers, write_schedule
from drkit.wiring import select

Write = Callable[[str], Path]
IDENTITY = age.Identity(bytes(range(32)))  # always the same: the names of tests hold it
RECIPIENT = str(IDENTITY.recipient())
SECRET = age.format_identity(IDENTITY)
SIGNING = signing.SigningKey(bytes(range(32)))
SIGNER = str(SIGNING.signer())

GOOD = f"""
timezone = "Europe/Madrid"
[store]
url = "file:///var/lib/drkit"
[encryption]
recipients = ["{RECIPIENT}"]
signers = ["{SIGNER}"]
signing_key = "file:../keys/signing"
identity = "env:SHOP_IDENTITY"
[sources.main]
kind = "sqlite"
path = "../shop.db"
backup = "*/30 * * * *"
keep = {{ within = "7d", daily = 30 }}
objectives = {{ rpo = "1h", rto = "15m" }}
"""


POSTGRES = (
    GOOD.replace('kind = "sqlite"', 'kind = "postgres"').replace('path = "../shop.db"', 'dsn = "env:DATABASE_URL"')
    + """jobs = 2
schemas = ["public"]
exclude_tables = ["scratch_*"]
exclude_data = ["audit.events"]
lock_timeout = "90s"
trusted = false
rate_limit = "50MB"
fingerprints = "counts"
hooks = { before = "./stop", after = "./start" }
"""
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "schedules" / "shop.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return write


def _refusal(file: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load_system(file)
    assert refused.value.exit_code == 3
    said = f"{refused.value} {refused.value.hint}"
    assert str(file) in said
    return said


def test_a_good_schedule_says_what_it_says(write: Write) -> None:
    system = load_system(write(GOOD))
    assert system.name == "shop"
    assert system.table.timezone.key == "Europe/Madrid"
    source = system.table.sources["main"]
    assert source.objectives.rpo == timedelta(hours=1)
    assert source.keep is not None
    assert source.keep.policy.daily == 30


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ("backup =", "backupp =", "sources.main.backupp", "slip of the pen"),
        ("[store]", "[stores]", "stores", "unknown key"),
        ("daily = 30", "dayly = 30", "sources.main.keep.dayly", "unknown key"),
        ('url = "file:///var/lib/drkit"', "", "store.url", "missing; add it"),
        ('backup = "*/30 * * * *"', "", "sources.main.backup", "missing; add it"),
        ('kind = "sqlite"', "", "sources.main", 'kind = "sqlite"'),
        ('kind = "sqlite"', 'kind = "oracle"', "sources.main", "'sqlite', 'files'"),
        ('path = "../shop.db"', "path = 5", "sources.main.path", "put it in quotes"),
        (f'signers = ["{SIGNER}"]', f'signers = "{SIGNER}"', "encryption.signers", "put it in brackets"),
        (f'recipients = ["{RECIPIENT}"]', "recipients = []", "encryption.recipients", "give one at least"),
        ("daily = 30", 'daily = "many"', "sources.main.keep.daily", "integer"),
        ("daily = 30", "daily = -1", "sources.main.keep.daily", "greater than or equal to 0"),
        ('within = "7d", daily = 30', "min_points = 9", "sources.main.keep", "give at least one rule"),
        ('within = "7d"', 'within = "a while"', "sources.main.keep.within", "2h30m"),
        ('within = "7d"', "within = 7", "sources.main.keep.within", "put it in quotes"),
        ("*/30 * * * *", "0 0 31 2 *", "sources.main.backup", "0 0 31 2 *"),
        ("*/30 * * * *", "hourly", "sources.main.backup", "minute, hour"),
        ("*/30 * * * *", "0 * * * *", "sources.main.objectives.rpo", "back up more often or promise less"),
        ("Europe/Madrid", "Europe/Atlantis", "timezone", '"Europe/Madrid" or "UTC"'),
        ("[sources.main]", '[sources."Main Shop"]', "Main Shop", "lower-case letters"),
        (RECIPIENT, RECIPIENT[:-1] + "!", "encryption.recipients.0", "begins with age1"),
        (RECIPIENT, SIGNER, "encryption.recipients.0", "begins with age1"),
        (SIGNER, RECIPIENT, "encryption.signers.0", "begins with drkit1"),
        ("file:///var/lib/drkit", "ftp://backups", "store.url", "s3://bucket/prefix"),
        ("file:///var/lib/drkit", "/var/lib/drkit", "store.url", "file:///absolute/folder"),
        ("env:SHOP_IDENTITY", "file:///keys/identity", "encryption.identity", "file:/path"),
        ("[encryption]", 'replica = "file:///var/lib/drkit"\n[encryption]', "store", "a copy lies in another place"),
        (
            "[encryption]",
            'replica = { url = "file:///x", lock_days = 3 }\n[encryption]',
            "store",
            "a folder cannot lock",
        ),
        (
            "[encryption]",
            'replica = { url = "s3://x", lock_mode = "compliance" }\n[encryption]',
            "store",
            "how many days",
        ),
        ("[encryption]", "replica = { lock_days = 3 }\n[encryption]", "store.replica.0.url", "missing; add it"),
    ],
)
def test_a_mistake_is_refused_by_file_and_key_with_a_remedy(
    write: Write, old: str, new: str, key: str, remedy: str
) -> None:
    assert old in GOOD
    said = _refusal(write(GOOD.replace(old, new)))
    assert key in said
    assert remedy in said


@pytest.mark.parametrize(
    ("replica", "lock"),
    [
        ('"s3://dr/prod"', Lock("governance", 30)),
        ('"file:///mnt/nas"', None),
        ('"env:REPLICA"', None),  # which is a folder, as only its URL tells
        ('{ url = "s3://dr/prod", lock_days = 0 }', None),
        ('{ url = "s3://dr/prod", lock_days = 7 }', Lock("governance", 7)),
        ('{ url = "s3://dr/prod", lock_mode = "compliance" }', Lock("compliance", 30)),
    ],
)
def test_a_replica_is_locked_as_the_store_is_unless_it_says_otherwise_or_is_a_folder(
    write: Write, replica: str, lock: Lock | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICA", "file:///mnt/nas")
    there = f'url = "s3://backups/prod"\nlock_days = 30\nreplica = {replica}'
    [source] = select([load_system(write(GOOD.replace('url = "file:///var/lib/drkit"', there)))], [])
    assert source.lock() == Lock("governance", 30)
    assert [seen.lock() for seen in source.replicas()] == [lock]


def test_a_postgres_source_says_what_it_says(write: Write) -> None:
    source = load_system(write(POSTGRES)).table.sources["main"]
    assert isinstance(source, PostgresTable)
    assert (source.dsn, source.jobs, source.method) == ("env:DATABASE_URL", 2, "dump")
    assert (source.rate_limit, source.lock_timeout) == (50_000_000, timedelta(seconds=90))
    assert (source.hooks.before, source.hooks.after) == ("./stop", "./start")


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ('dsn = "env:DATABASE_URL"', "", "sources.main.dsn", "missing; add it"),
        ("dsn =", "url =", "sources.main.url", "unknown key"),
        ("jobs = 2", "jobs = 65", "sources.main.jobs", "less than or equal to 64"),
        ("jobs = 2", "jobs = -1", "sources.main.jobs", "greater than or equal to 0"),
        ("jobs = 2", 'jobs = "all"', "sources.main.jobs", "integer"),
        ("jobs = 2", 'method = "physical"', "sources.main", "exclude_data and exclude_tables and fingerprints"),
        ("jobs = 2", 'method = "copy"', "sources.main.method", '"physical"'),
        ("jobs = 2", 'log_interval = "1s"', "sources.main", 'log_interval means something to method = "physical" only'),
        ('"50MB"', '"50"', "sources.main.rate_limit", '"50MB" or "64MiB"'),
        ('"50MB"', '"fast"', "sources.main.rate_limit", '"50MB" or "64MiB"'),
        ('"50MB"', "50", "sources.main.rate_limit", "put it in quotes"),
        ('"90s"', '"soon"', "sources.main.lock_timeout", "2h30m"),
        ('"counts"', '"some"', "sources.main.fingerprints", "'counts'"),
        ('["public"]', '"public"', "sources.main.schemas", "put it in brackets"),
        ("before =", "first =", "sources.main.hooks.first", "unknown key"),
        ("*/30 * * * *", "0 * * * *", "sources.main.objectives.rpo", "the worst loss is the interval"),
    ],
)
def test_a_mistake_in_a_postgres_source_is_refused_by_key_with_a_remedy(
    write: Write, old: str, new: str, key: str, remedy: str
) -> None:
    assert old in POSTGRES
    said = _refusal(write(POSTGRES.replace(old, new)))
    assert key in said
    assert remedy in said


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://shop:hunter2@db.example/shop",
        "postgres://:hunter2@db.example/shop",
        "postgresql://shop:hunter2#odd@db.example/shop",
        "postgresql://shop:hun/ter2@db.example/shop",
        "postgresql://shop@db.example/shop?password=hunter2",
        "postgresql://shop@db.example/shop?sslmode=require&sslpassword=hunter2",
        "host=db.example dbname=shop password=hunter2",
        "PASSWORD = 'hunter2' host=db.example",
    ],
)
def test_a_dsn_with_a_password_is_refused_and_not_repeated(write: Write, dsn: str) -> None:
    said = _refusal(write(POSTGRES.replace("env:DATABASE_URL", dsn)))
    assert "hun" not in said
    assert 'use "env:DATABASE_URL"' in said


@pytest.mark.parametrize(
    "dsn",
    [
        "env:DATABASE_URL",
        "file:../keys/dsn",
        "postgresql://shop@db.example:5432/shop?sslmode=verify-full&sslrootcert=/ca.pem",
        "postgresql:///shop?host=/run/postgresql",
        "postgresql://a.example:5432,b.example:5433/shop?target_session_attrs=read-write",
        "host=keycloak-db.example sslkey=/key.pem passfile=/run/pgpass dbname=shop",
    ],
)
def test_a_dsn_without_a_password_or_a_reference_may_stand_in_a_schedule(write: Write, dsn: str) -> None:
    source = load_system(write(POSTGRES.replace("env:DATABASE_URL", dsn))).table.sources["main"]
    assert isinstance(source, PostgresTable)
    assert source.dsn == dsn


@pytest.mark.parametrize(
    ("text", "size"),
    [("1B", 1), ("50MB", 50_000_000), ("1.5 GB", 1_500_000_000), ("64MiB", 64 << 20), ("2kB", 2000), ("2KiB", 2048)],
)
def test_a_size_is_a_number_of_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("name", ["sqlite", "files", "main"])
def test_a_source_keeps_its_name_in_a_message_whatever_it_is_called(write: Write, name: str) -> None:
    text = GOOD.replace("[sources.main]", f"[sources.{name}]").replace("path =", "place =")
    assert f"sources.{name}.place: unknown key" in _refusal(write(text))


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    said = _refusal(write(GOOD.replace("path =", "place =").replace("[store]", "[stores]")))
    assert said.count("shop.toml") >= 3


@pytest.mark.parametrize(
    ("old", "new", "secret"),
    [
        ("env:SHOP_IDENTITY", SECRET, SECRET),
        ('"env:SHOP_IDENTITY"', f'["{SECRET}"]', SECRET),
        ("file:../keys/signing", signing.format_signing_key(SIGNING), signing.format_signing_key(SIGNING)),
        (RECIPIENT, SECRET, SECRET),
        (SIGNER, signing.format_signing_key(SIGNING), signing.format_signing_key(SIGNING)),
        ("file:///var/lib/drkit", "s3://AKIAX:hunter2@bucket/prefix", "hunter2"),
        ("file:///var/lib/drkit", "s3://bucket/prefix?aws_secret_access_key=hunter2", "hunter2"),
        ("file:///var/lib/drkit", "s3://b/p?endpoint_url=https%3A%2F%2Fme%3Ahunter2%40s3.example", "hunter2"),
        ("file:///var/lib/drkit", "s3://b/p?session_token=hunter2", "hunter2"),
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(
    write: Write, old: str, new: str, secret: str
) -> None:
    said = _refusal(write(GOOD.replace(old, new)))
    assert secret not in said
    assert secret.lower() not in said.lower()


def test_broken_toml_is_refused_with_the_line(write: Write) -> None:
    assert "line 2" in _refusal(write("\ntimezone = UTC"))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_bytes(GOOD.encode() + b"# caf\xe9\n")
    assert "UTF-8" in _refusal(file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").mkdir()
    assert "cannot be read" in _refusal(tmp_path / "shop.toml")


@pytest.mark.parametrize("name", ["Shop.toml", "my shop.toml", "_shop.toml", "a.b.toml"])
def test_a_file_whose_name_cannot_be_a_system_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    assert "rename the file" in _refusal(tmp_path / name)


def test_a_folder_that_is_missing_or_empty_is_refused_and_says_what_makes_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError) as refused:
            load_systems(folder)
        assert str(folder) in str(refused.value)
        assert "drkit init" in refused.value.hint


def test_the_systems_of_a_folder_come_in_the_order_of_their_names(write: Write) -> None:
    file = write(GOOD)
    file.with_name("app.toml").write_text(GOOD)
    file.with_name("notes.txt").write_text("no schedule")
    assert [system.name for system in load_systems(file.parent)] == ["app", "shop"]


@pytest.fixture
def system(write: Write) -> System:
    return load_system(write(GOOD))


def test_a_reference_stands_for_what_it_names_from_the_schedules_own_folder(system: System) -> None:
    (system.file.parent / "dsn").write_text(" some value \n")
    assert system.resolve("file:dsn") == "some value"
    assert system.resolve(f"file:{system.file.parent}/dsn") == "some value"
    assert system.resolve("env:PATH") == os.environ["PATH"]
    assert system.resolve("file:///dsn") == "file:///dsn"
    assert system.resolve("plain") == "plain"


def test_a_path_starts_at_the_schedules_own_folder(system: System) -> None:
    assert system.path("../shop.db") == system.file.parent / ".." / "shop.db"
    assert system.path("/absolute") == Path("/absolute")


def test_a_variable_that_is_not_set_is_named(system: System) -> None:
    with pytest.raises(ConfigError, match=r"shop\.toml: env:SHOP_IDENTITY is not set") as refused:
        system.resolve("env:SHOP_IDENTITY")
    assert "SHOP_IDENTITY" in refused.value.hint


def test_a_file_that_is_missing_or_no_text_is_named(system: System) -> None:
    (system.file.parent / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"shop\.toml: file:nothing cannot be read: No such file"):
        system.resolve("file:nothing")
    with pytest.raises(ConfigError, match=r"shop\.toml: file:binary is not text"):
        system.resolve("file:binary")


def test_a_name_means_a_system_or_a_source_and_no_name_means_all(write: Write) -> None:
    file = write(GOOD + '[sources.tree]\nkind = "files"\npath = "."\nbackup = "0 0 * * *"\n')
    file.with_name("app.toml").write_text(GOOD)
    systems = load_systems(file.parent)

    def names(*given: str) -> list[str]:
        return [source.name for source in select(systems, given)]

    assert names() == ["app/main", "shop/main", "shop/tree"]
    assert names("shop") == ["shop/main", "shop/tree"]
    assert names("shop/tree", "app", "app/main") == ["app/main", "shop/tree"]


def test_the_schedule_that_init_writes_is_a_good_one(tmp_path: Path) -> None:
    write_keys(tmp_path / "keys")
    answers = Answers("shop", "sqlite", 'odd "name"\\\u007f\u0085é.db', "s3://bucket/prefix?region=eu-west-1")
    system = load_system(write_schedule(tmp_path / "schedules", answers))
    assert system.table.sources["main"].path == answers.origin


@pytest.mark.parametrize("key", ["recipients", "signers"])
def test_a_key_behind_a_reference_that_is_none_names_file_and_key(tmp_path: Path, key: str) -> None:
    from drkit.keyring import open_recipients, open_signers

    (tmp_path / "wrong").write_text("nonsense")
    values = {"recipients": "file:recipient", "signers": "file:signer"} | {key: "file:wrong"}
    file = tmp_path / "shop.toml"
    file.write_text(
        f"""[store]
url = "file:///tmp/store"
[encryption]
recipients = ["{values["recipients"]}"]
signers = ["{values["signers"]}"]
[sources.main]
kind = "files"
path = "data"
backup = "0 * * * *"
"""
    )
    system = load_system(file)
    with pytest.raises(ConfigError, match=rf"shop.toml: encryption.{key}: ") as told:
        open_recipients(system) if key == "recipients" else open_signers(system)
    assert "nonsense" not in str(told.value)


TWIN = '[sources.a-b]\nkind = "files"\npath = "x"\nbackup = "0 * * * *"\n'
SET = """[set]
verify = "0 5 1 * *"
rto = "30m"
skew = "1h"
checks = [{ name = "it answers", command = "./smoke" }]
[sources."""


def test_what_is_asked_of_all_sources_together_says_what_it_says(write: Write) -> None:
    asked = load_system(write(GOOD.replace("[sources.", SET))).table.set
    assert (asked.rto, asked.skew) == (timedelta(minutes=30), timedelta(hours=1))
    assert asked.verify is not None
    assert [check.command for check in asked.checks] == ["./smoke"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('command = "./smoke"', 'sql = "select 1"', "asks SQL, of no source"),
        ('verify = "0 5', 'verfy = "0 5', "set.verfy: unknown key"),
        (
            "[sources.main]",
            '[sources.a-b]\nkind = "files"\npath = "x"\nbackup = "0 * * * *"\n[sources.a_b]',
            "DRKIT_TARGET_A_B",
        ),
    ],
)
def test_a_mistake_in_what_is_asked_of_all_sources_is_refused(write: Write, old: str, new: str, said: str) -> None:
    assert said in _refusal(write(GOOD.replace("[sources.", SET).replace(old, new)))
