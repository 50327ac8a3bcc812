import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from drkit.config import load_system
from drkit.config.sources import PostgresTable
from drkit.errors import ConfigError, UsageError
from drkit.keyfiles import write_keys
from drkit.starter import Answers, find_databases, insist_on_libpq, plain_name, refer_to, write_schedule


def _database(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table t (x)")
    return path


def test_databases_are_found_by_their_content_the_nearest_first(tmp_path: Path) -> None:
    deep = _database(tmp_path / "a" / "b" / "deep")
    near = _database(tmp_path / "z.data")
    below = _database(tmp_path / "data" / "shop.db")
    (tmp_path / "liar.db").write_text("SQLite, but not in this format")
    (tmp_path / "empty.db").touch()
    assert list(find_databases(tmp_path)) == [near, deep, below]


def test_a_search_does_not_go_deep_nor_into_what_is_hidden_nor_through_links(tmp_path: Path) -> None:
    elsewhere = _database(tmp_path / "elsewhere" / "shop.db").parent
    folder = tmp_path / "folder"
    _database(folder / "1" / "2" / "3" / "shop.db")
    _database(folder / ".cache" / "shop.db")
    (folder / "link").symlink_to(elsewhere)
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere.db").symlink_to(folder / "gone")
    assert list(find_databases(folder)) == []
    assert list(find_databases(folder / "gone")) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [("shop", "shop"), ("My Shop (2)", "my-shop-2"), ("Ünïcode", "n-code"), ("---", "main"), ("", "main"),
     ("_x_", "x"), ("a.b.db", "a-b-db"), ("x" * 99, "x" * 63)],
)  # fmt: skip
def test_any_text_becomes_a_name_that_a_schedule_may_have(text: str, name: str) -> None:
    assert plain_name(text) == name
    assert plain_name(name) == name


def _answers(tmp_path: Path, **changes: str) -> Answers:
    given = {"name": "shop", "kind": "sqlite", "origin": "/data/shop.db", "store": (tmp_path / "backups").as_uri()}
    return Answers(**{**given, **changes})


@pytest.mark.parametrize("kind", ["sqlite", "files"])
def test_what_is_written_is_a_schedule_that_trusts_the_keys_beside_it(tmp_path: Path, kind: str) -> None:
    public = write_keys(tmp_path / "keys")
    system = load_system(write_schedule(tmp_path / "schedules", _answers(tmp_path, kind=kind)))
    table = system.table
    assert (table.sources["main"].kind, table.sources["main"].path) == (kind, "/data/shop.db")
    assert [system.resolve(each) for each in table.encryption.recipients] == [public["recipient"]]
    assert [system.resolve(each) for each in table.encryption.signers] == [public["signer"]]
    [identity] = table.encryption.identity
    assert b"AGE-SECRET-KEY-1" in system.read(identity)


def test_a_postgres_schedule_is_good_as_it_is_and_with_every_remark_taken_for_what_it_says(tmp_path: Path) -> None:
    write_keys(tmp_path / "keys")
    file = write_schedule(tmp_path / "schedules", _answers(tmp_path, kind="postgres", origin="env:DATABASE_URL"))
    [plain] = load_system(file).table.sources.values()
    assert isinstance(plain, PostgresTable)
    assert (plain.dsn, plain.jobs, plain.hooks.before) == ("env:DATABASE_URL", 0, None)
    head, source = file.read_text().split("[sources.main]")
    file.write_text(head + "[sources.main]" + source.replace("\n# ", "\n"))
    [all_said] = load_system(file).table.sources.values()
    assert isinstance(all_said, PostgresTable)
    said = all_said.model_fields_set - {"kind", "dsn", "backup", "verify", "keep", "objectives"}
    assert said == {
        "schemas", "exclude_tables", "exclude_data", "jobs", "rate_limit", "lock_timeout", "fingerprints", "hooks",
        "checks",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dsn", "written"),
    [
        ("postgresql://shop:hunter2@db/shop", "env:DATABASE_URL"),
        ("host=db password=hunter2", "env:DATABASE_URL"),
        ("postgresql://shop@db/shop", "postgresql://shop@db/shop"),
        ("env:NEON_URL", "env:NEON_URL"),
        ("file:/run/secrets/dsn", "file:/run/secrets/dsn"),
        ("file:dsn", f"file:{Path.cwd() / 'dsn'}"),
    ],
)
def test_a_password_is_never_written_into_a_schedule(dsn: str, written: str) -> None:
    assert refer_to(dsn) == written


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "postgres+psycopg2"])
def test_a_dsn_that_names_a_driver_is_refused_without_being_repeated(scheme: str) -> None:
    with pytest.raises(UsageError) as refused:
        insist_on_libpq(f"{scheme}://shop:hunter2@db/shop", "DATABASE_URL")
    assert "postgresql://" in refused.value.hint
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "path", ['a "quoted" path', "back\\slash", "line\nfeed", "tab\t", "del\x7f", "nel\x85", "ünïcode", "# no comment"]
)
def test_any_path_comes_back_out_of_the_file_as_it_went_in(tmp_path: Path, path: str) -> None:
    system = load_system(write_schedule(tmp_path, _answers(tmp_path, origin=path)))
    assert system.table.sources["main"].path == path


def test_a_schedule_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    file = write_schedule(tmp_path, _answers(tmp_path))
    file.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_schedule(tmp_path, _answers(tmp_path))
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"kind": "oracle"}, UsageError),
        ({"name": "My Shop"}, UsageError),
        ({"name": "../shop"}, UsageError),
        ({"name": ""}, UsageError),
        ({"store": "backups"}, ConfigError),
        ({"store": "s3://me:hunter2@bucket"}, ConfigError),
    ],
)
def test_what_no_command_could_use_is_not_written(
    tmp_path: Path, changes: dict[str, str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        write_schedule(tmp_path / "schedules", _answers(tmp_path, **changes))
    assert not (tmp_path / "schedules").exists()
