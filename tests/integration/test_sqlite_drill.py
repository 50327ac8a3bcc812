"""What a drill finds in a restored SQLite file: nothing in a good one of any kind, and whatever was changed in it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from drkit.engines.sqlite import SqliteEngine
from drkit.model import Check, Wishes
from sqlite_shop import make_shop, open_shop
from sqlite_vault import Vault, capture, utc_now

WISHES = Wishes(compare="off", tolerant=True)
GOOD = {"first query": "passed", "content": "passed", "integrity_check": "passed", "foreign_key_check": "passed"}


def engine_for(path: Path, **options: str) -> SqliteEngine:
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return SqliteEngine(path, scratch=scratch, clock=utc_now, **options)


def prove(engine: SqliteEngine, vault: Vault, harm: Callable[[Path], object] = lambda _: None) -> list[Check]:
    with engine.scratch(vault.manifest, vault.load) as scratch:
        engine.restore(vault.manifest, vault.load, scratch.target, WISHES)
        harm(Path(scratch.target))
        return list(engine.prove(vault.manifest, vault.load, scratch.target))


def outcomes(checks: list[Check]) -> dict[str, str]:
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check.outcome for check in checks}


def run(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def make_wal(path: Path) -> None:
    make_shop(path, "wal")


def make_rollback(path: Path) -> None:
    make_shop(path, "delete")


def make_empty(path: Path) -> None:
    path.touch()


def make_wide(path: Path) -> None:
    run(
        path,
        "".join(
            f"create table t{n} (id integer primary key, x); insert into t{n} values (1, {n});" for n in range(100)
        ),
    )


def make_virtual(path: Path) -> None:
    run(
        path,
        "create virtual table texts using fts5(body); insert into texts values ('a word'), ('another');"
        "create virtual table places using rtree(id, x0, x1); insert into places values (1, 0, 1);"
        "create table made (x int, y int as (x + 1) stored) strict;",
    )


def make_odd(path: Path) -> None:
    run(path, 'pragma encoding = \'UTF-16le\'; pragma auto_vacuum = incremental; create table "odd "" name" (x);')


@pytest.mark.parametrize("make", [make_wal, make_rollback, make_empty, make_wide, make_virtual, make_odd])
def test_a_good_database_passes_and_nothing_stays_behind(tmp_path: Path, make: Callable[[Path], None]) -> None:
    database = tmp_path / "shop.db"
    make(database)
    engine = engine_for(database)
    assert outcomes(prove(engine, capture(engine))) == GOOD
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_database_captured_while_it_was_written_passes(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db")
    engine = engine_for(database)
    with open_shop(database):
        vault = capture(engine)
    assert outcomes(prove(engine, vault)) == GOOD


def test_a_reference_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db", "delete")
    run(database, "delete from orders where id = 17; create table c (o references orders); insert into c values (99);")
    engine = engine_for(database)
    checks = prove(engine, capture(engine))
    assert outcomes(checks) == GOOD | {"foreign_key_check": "failed"}
    assert "row 1 of c refers to nothing in orders" in checks[-1].actual
    assert "a row of items refers to nothing in orders" in checks[-1].actual


def test_what_only_the_application_knows_is_not_testable(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.create_collation("ours", lambda one, other: (one > other) - (one < other))
        database.execute("create table t (name text collate ours, unique (name))")
        database.execute("insert into t values ('a'), ('b')")
        database.execute("create table c (parent references t (rowid))")
    engine = engine_for(tmp_path / "shop.db")
    found = outcomes(prove(engine, capture(engine)))
    assert found == GOOD | {"integrity_check": "not testable", "foreign_key_check": "not testable"}


def flip(place: int) -> Callable[[Path], None]:
    def harm(file: Path) -> None:
        body = bytearray(file.read_bytes())
        body[place] ^= 0x10
        file.write_bytes(body)

    return harm


def change_a_value(file: Path) -> None:
    """A word in a row, found by its bytes: pages and cells stay as sound as they were."""
    body = file.read_bytes()
    assert body.count(b"customer 41") == 2  # in the table and in its index
    file.write_bytes(body.replace(b"customer 41", b"customer 14"))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4096])


@pytest.mark.parametrize(
    ("harm", "failed"),
    [
        (lambda file: run(file, "update orders set total = total + 1 where id = 3"), {"content"}),
        (lambda file: run(file, "delete from orders where id = 3"), {"content", "foreign_key_check"}),
        (change_a_value, {"content"}),
        (flip(4096 + 3), {"content", "integrity_check"}),
        (flip(4096), {"content", "integrity_check"}),
        (flip(2 * 4096 + 1), {"content"}),
        (cut, {"first query"}),
        (flip(0), {"first query"}),
        (lambda file: file.write_bytes(b"no database at all" * 100), {"first query"}),
        (Path.unlink, {"first query"}),
    ],
)  # fmt: skip
def test_a_file_that_changed_between_restore_and_check_does_not_pass(
    tmp_path: Path, harm: Callable[[Path], object], failed: set[str]
) -> None:
    engine = engine_for(make_shop(tmp_path / "shop.db", "delete"))
    checks = prove(engine, capture(engine), harm)
    assert {check.name for check in checks if check.outcome == "failed"} >= failed
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_damaged_database_that_was_captured_as_it_was_does_not_pass(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db", "delete")
    flip(4096)(database)
    engine = engine_for(database, integrity="off")
    found = outcomes(prove(engine, capture(engine)))
    assert (found["content"], found["integrity_check"]) == ("passed", "failed")
