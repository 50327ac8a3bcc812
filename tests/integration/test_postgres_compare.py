"""A restored database is compared with its point: whatever was changed in it is found and named."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from drkit.errors import ObjectiveMissed
from drkit.stores.memory import MemoryStore
from postgres.hard import build_hard
from postgres_vault import Point, capture, compare, restore
from servers.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Its roles may be changed: nobody else sees it."""
    with postgres_server(tmp_path_factory.mktemp("compare")) as started:
        yield started


@pytest.fixture(scope="module")
def point(server: PostgresServer) -> Point:
    return capture(build_hard(server), server.bin)


@pytest.fixture(scope="module")
def restored(server: PostgresServer, point: Point) -> str:
    restore(point, server.dsn("restored"), server.bin)
    return server.dsn("restored")


@pytest.fixture
def changed(server: PostgresServer, restored: str, request: pytest.FixtureRequest) -> str:
    """A copy of the restored database, with one change."""
    server.execute("DROP DATABASE IF EXISTS changed", "CREATE DATABASE changed TEMPLATE restored")
    statement = request.param
    # what is set for the database spoils how statements are read, so nothing is taken from there
    server.execute(f"SET search_path = public; {statement}", database="changed")
    return server.dsn("changed")


def test_a_restored_database_does_not_differ(server: PostgresServer, point: Point, restored: str) -> None:
    found = compare(point, restored, server.bin)
    assert (found.differences, found.notes, found.whole) == ((), (), True)


def test_the_captured_database_itself_does_not_differ(server: PostgresServer, point: Point) -> None:
    assert compare(point, server.dsn("hard"), server.bin).differences == ()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (
            "UPDATE orders SET status = 'flipped' WHERE id = 7",  # in a stream of its own
            r"table public\.orders: .* 1 rows are lost or changed, 1 new or changed, such as id=7",
        ),
        (
            "UPDATE watched SET note = 'y' WHERE id = 5",  # in the dump
            r"table public\.watched: .* 1 rows are lost or changed, 1 new or changed, such as id=5",
        ),
        (
            "DELETE FROM events WHERE id = 30001",
            r"table public\.events_2025: expected 52000 rows, found 51999 rows: 1 rows are lost or changed, 0 new"
            r" or changed, such as id=30001, region=es, at=2025-",
        ),
        ("INSERT INTO zero_columns DEFAULT VALUES", r"table public\.zero_columns: expected 3 rows, found 4 rows"),
        ("TRUNCATE bookings", r"table public\.bookings: expected 200 rows, found 0 rows: 200 rows are lost"),
        ("DROP TABLE hard_text", r"table public\.hard_text: expected present, found missing"),
        ("UPDATE every_type SET double = 0 WHERE double = 0", r"table public\.every_type: .* such as id=2$"),
        ("SELECT nextval('downwards')", r"sequence public\.downwards: expected 7 given out, found 4 given out"),
        ("DROP SEQUENCE untouched", r"sequence public\.untouched: expected present, found missing"),
        ("SELECT lo_put(90003, 100000, 'x')", r"large objects: expected .* found "),
        ("SELECT lo_unlink(90002)", r"large objects: expected 5 of .* found 4 of "),
        ("DROP INDEX i_hash", r"index public\.i_hash: expected present, found missing"),
        ("DROP TRIGGER note ON watched", r"trigger public\.watched note: expected present, found missing"),
        ("ALTER TABLE watched DISABLE TRIGGER note", r"trigger public\.watched note: expected as captured, found "),
        (
            "CREATE OR REPLACE PROCEDURE spend(INOUT n integer) LANGUAGE plpgsql AS 'BEGIN n := n - 2; END'",
            r"procedure public\.spend\(integer\): expected as captured, found changed",
        ),
        ("ALTER TABLE people ALTER department DROP NOT NULL", r"table public\.people: expected as captured, found "),
        ("ALTER TABLE departments DROP CONSTRAINT departments_head_fkey", r"fk constraint public\.departments depart"),
        ("DROP POLICY mine ON vault.secrets", r"policy vault\.secrets mine: expected present, found missing"),
        ("REVOKE SELECT ON ALL TABLES IN SCHEMA vault FROM hard_reader, hard_staff", r"acl vault\.TABLE secrets: "),
    ],
    indirect=["changed"],
)
def test_one_change_is_found_and_named(server: PostgresServer, point: Point, changed: str, named: str) -> None:
    found = compare(point, changed, server.bin).differences
    assert any(matches(named, each) for each in found), found


def matches(pattern: str, text: str) -> bool:
    return re.match(pattern, text) is not None


@pytest.mark.parametrize("changed", ["UPDATE orders SET status = 'flipped' WHERE id = 7"], indirect=True)
def test_a_comparison_by_counts_sees_no_changed_value(server: PostgresServer, point: Point, changed: str) -> None:
    found = compare(point, changed, server.bin, "counts")
    assert (found.differences, found.whole) == ((), False)


@pytest.mark.parametrize("changed", ["DELETE FROM orders WHERE id = 7"], indirect=True)
def test_a_comparison_by_counts_sees_a_lost_row(server: PostgresServer, point: Point, changed: str) -> None:
    (found,) = compare(point, changed, server.bin, "counts").differences
    assert matches(r"table public\.orders: expected \d+ rows, found \d+ rows", found)


@pytest.mark.parametrize("changed", ["UPDATE orders SET note = note WHERE id = 7"], indirect=True)
def test_the_same_rows_in_another_order_are_the_same(server: PostgresServer, point: Point, changed: str) -> None:
    assert compare(point, changed, server.bin).differences == ()


def test_a_restore_that_differs_is_not_published_and_stands_under_its_unfinished_name(server: PostgresServer) -> None:
    source = server.create("shop")
    server.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1)", database="shop")
    before = capture(source, server.bin)
    server.execute("UPDATE t SET n = 2; INSERT INTO t VALUES (2, 2)", database="shop")
    after = capture(source, server.bin, keys=before.keys)
    with pytest.raises(ObjectiveMissed, match=r"table public\.t: expected 1 rows, found 2 rows") as error:
        restore(mix(after, before, "contents"), server.dsn("shop again"), server.bin)
    assert error.value.exit_code == 8
    there = server.query("SELECT datname FROM pg_database WHERE datname LIKE 'shop again%'")
    assert there == [("shop again.drkit-partial",)]
    assert restore(after, server.dsn("shop again"), server.bin).verified


def test_pieces_that_do_not_hold_what_was_taken_are_a_difference(server: PostgresServer) -> None:
    source = server.create("bar")
    server.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 1)", database="bar")
    before = capture(source, server.bin)
    server.execute("UPDATE t SET n = 2", database="bar")
    after = capture(source, server.bin, keys=before.keys)
    with pytest.raises(ObjectiveMissed, match=r"table public\.t: .* the backup's pieces do not hold what was taken"):
        restore(mix(after, before, "contents"), server.dsn("bar again"), server.bin)


def mix(one: Point, other: Point, piece: str) -> Point:
    """`one`, but for a piece of `other`: each is what its own manifest promises."""
    store = MemoryStore()
    pieces = []
    for mine, theirs in zip(one.captured.pieces, other.captured.pieces, strict=True):
        taken, origin = (theirs, other) if mine.name == piece else (mine, one)
        store.put(taken.key, origin.store.get(taken.key))
        pieces.append(taken)
    return replace(one, store=store, captured=replace(one.captured, pieces=tuple(pieces)))
