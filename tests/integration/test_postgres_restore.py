"""What a PostgreSQL restore brings back: odd databases, and parts of one, as they were wished for."""

from collections.abc import Iterator

import psycopg
import pytest

from drkit.engines.postgres.division import Sizes
from drkit.errors import UsageError
from postgres.compare import describe, differences
from postgres.hard import build_hard, latin1_database, many_tables
from postgres_vault import Point, capture, restore
from servers.postgres import PostgresServer, postgres_server

ALL_IN_STREAMS = Sizes(smallest=1, segment=1 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Its roles may be changed: nobody else sees it."""
    with postgres_server(tmp_path_factory.mktemp("restore")) as started:
        yield started


@pytest.fixture(scope="module")
def hard(server: PostgresServer) -> Point:
    return capture(build_hard(server), server.bin)


@pytest.mark.parametrize("sizes", [Sizes(), ALL_IN_STREAMS])
def test_a_latin1_database_comes_back_whole(server: PostgresServer, sizes: Sizes) -> None:
    source = latin1_database(server, f"latin1 {sizes.smallest}")
    target = server.dsn(f"latin1 again {sizes.smallest}")
    assert restore(capture(source, server.bin, sizes=sizes), target, server.bin).verified
    assert differences(describe(source, server.bin), describe(target, server.bin)) == []


@pytest.mark.parametrize("sizes", [Sizes(), ALL_IN_STREAMS])
def test_a_database_without_an_encoding_comes_back_with_every_byte(server: PostgresServer, sizes: Sizes) -> None:
    name = f"bytes {sizes.smallest}"
    source = server.create(name, "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    with psycopg.connect(source, client_encoding="UTF8") as connection:
        connection.execute('CREATE TABLE "Größe" (id integer PRIMARY KEY, "naïve" text)')
        connection.execute(
            """INSERT INTO "Größe" SELECT n, convert_from(decode(lpad(to_hex(n), 2, '0'), 'hex'), 'SQL_ASCII')
                 FROM generate_series(1, 255) AS n"""
        )
    target = server.dsn(f"{name} again")
    assert restore(capture(source, server.bin, sizes=sizes), target, server.bin).verified
    with psycopg.connect(target, client_encoding="UTF8") as connection:
        rows = connection.execute('SELECT id, convert_to("naïve", \'SQL_ASCII\') FROM "Größe" ORDER BY id').fetchall()
    assert rows == [(n, bytes([n])) for n in range(1, 256)]


def test_the_hard_database_in_as_many_streams_as_can_be_comes_back_whole(server: PostgresServer, hard: Point) -> None:
    point = capture(server.dsn("hard"), server.bin, sizes=ALL_IN_STREAMS)
    assert len(point.captured.pieces) > 3 * len(hard.captured.pieces)
    assert restore(point, server.dsn("streams"), server.bin).verified
    before, after = describe(server.dsn("hard"), server.bin), describe(server.dsn("streams"), server.bin)
    assert differences(before, after) == []


def test_many_tables_take_few_connections(server: PostgresServer) -> None:
    source = server.create("many")
    many_tables(source, 600)
    assert restore(capture(source, server.bin), server.dsn("many again"), server.bin).verified
    [(sessions,)] = server.query("SELECT sessions FROM pg_stat_database WHERE datname = 'many again'")
    assert sessions < 40


def test_what_a_capture_left_out_is_not_missed(server: PostgresServer) -> None:
    left = {"exclude_tables": ("events", "about_events", "toasted"), "exclude_data": ("orders", "child")}
    point = capture(server.dsn("hard"), server.bin, **left)
    assert restore(point, server.dsn("less"), server.bin).verified
    found = server.query("SELECT to_regclass('public.toasted'), (SELECT count(*) FROM public.orders)", database="less")
    assert found == [(None, 0)]


def test_one_schema_comes_back_alone(server: PostgresServer) -> None:
    name = 'Hard "names"'
    point = capture(server.dsn("hard"), server.bin, schemas=(name,))
    assert restore(point, server.dsn("one schema"), server.bin).verified
    found = server.query(
        "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|info)'", database="one schema"
    )
    assert found == [(name,)]


def test_chosen_tables_come_back_with_what_they_need(server: PostgresServer, hard: Point) -> None:
    restored = restore(hard, server.dsn("some"), server.bin, tables=("departments", '"Hard ""names"""."a b"', "events"))
    assert restored.verified
    assert restored.notes == (
        "the foreign key departments_head_fkey of public.departments is left out: public.people is not chosen",
    )
    names = server.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace", database="some"
    )
    assert {"departments", "events_2025", "events_2024_eu_0"} <= {name for (name,) in names}
    assert "orders" not in {name for (name,) in names}
    assert server.query("SELECT count(*) FROM public.events", database="some") == [(56000,)]


def test_an_unknown_table_is_refused_before_anything_starts(server: PostgresServer, hard: Point) -> None:
    with pytest.raises(UsageError, match="no table called ordes"):
        restore(hard, server.dsn("unknown"), server.bin, tables=("ordes",))
    assert server.query("SELECT datname FROM pg_database WHERE datname LIKE 'unknown%'") == []


def test_the_schema_alone_comes_back_without_rows(server: PostgresServer, hard: Point) -> None:
    restored = restore(hard, server.dsn("schema only"), server.bin, schema_only=True)
    assert not restored.verified
    found = server.query("SELECT count(*) FROM public.orders", database="schema only")
    assert found == [(0,)]
    before, after = describe(server.dsn("hard"), server.bin), describe(server.dsn("schema only"), server.bin)
    assert before["schema"] == after["schema"]


def test_another_owner_gets_everything(server: PostgresServer, hard: Point) -> None:
    server.execute("CREATE ROLE newcomer")
    assert restore(hard, server.dsn("given"), server.bin, owner="newcomer", tables=("orders", "departments")).verified
    owners = server.query(
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        database="given",
    )
    assert owners == [("newcomer",)]
    assert server.query("SELECT datdba::regrole::text FROM pg_database WHERE datname = 'given'") == [("newcomer",)]


def test_without_owners_and_privileges_everything_is_of_who_restores(server: PostgresServer, hard: Point) -> None:
    restored = restore(hard, server.dsn("mine"), server.bin, no_owner=True, no_privileges=True)
    assert restored.verified
    found = server.query(
        "SELECT relowner::regrole::text, relacl FROM pg_class WHERE relname = 'secrets'", database="mine"
    )
    assert found == [("postgres", None)]


def test_what_the_target_is_set_to_changes_no_value(server: PostgresServer) -> None:
    source = server.create("odd values")
    server.execute(
        "CREATE TABLE t (a text[], m money, i interval); INSERT INTO t VALUES ('{NULL,x}', 1.5, '-1 day 2 hours')",
        database="odd values",
    )
    point = capture(source, server.bin)
    server.execute("CREATE ROLE odd SUPERUSER LOGIN PASSWORD 'odd'")
    for setting in ("array_nulls = off", "intervalstyle = sql_standard", "datestyle = German"):
        server.execute(f"ALTER ROLE odd SET {setting}")  # type: ignore[arg-type]
    assert restore(point, server.dsn("odd again", "odd", password="odd"), server.bin).verified
    found = server.query("SELECT a, i::text FROM t", database="odd again")
    assert found == [([None, "x"], "-1 days +02:00:00")]
