"""What is captured is one moment of a database, whatever goes on in it meanwhile."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import postgres_vault
from drkit.engines.postgres.division import Sizes
from drkit.errors import CaptureError
from drkit.model import Piece
from drkit.ports import Chunks, Save
from drkit.sealing import saving
from drkit.stores.memory import MemoryStore
from patience import PATIENCE, await_true
from postgres.compare import describe, differences
from postgres.traffic import writes_and_ddl
from postgres_vault import Point, new_keys, restore
from servers.postgres import NamedServer, PostgresServer, postgres_server
from servers.standby import catch_up, standby_of

KIB = 1 << 10
SMALL = Sizes(64 * KIB, 128 * KIB)
NUMBERS = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("capture")) as started:
        yield started


@pytest.fixture(scope="module")
def shop(server: PostgresServer) -> str:
    dsn = server.create("shop")
    make_shop(dsn)
    return dsn


def make_shop(dsn: str) -> None:
    """`orders` is in many segments at SMALL, with holes, moved rows and a row that is toasted."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE orders (id int PRIMARY KEY, note text, twice int GENERATED ALWAYS AS (id * 2) STORED)"
        )
        connection.execute(
            "INSERT INTO orders SELECT n, 'order ' || repeat('very ', n % 40) FROM generate_series(1, 8000) n"
        )
        connection.execute("DELETE FROM orders WHERE id % 11 = 0")
        connection.execute("UPDATE orders SET note = note || E'\\t\\\\.\\n' WHERE id % 5 = 0")
        connection.execute("INSERT INTO orders SELECT 0, string_agg(md5(n::text), '') FROM generate_series(1, 5000) n")
        connection.execute(
            "CREATE TABLE customers AS SELECT n AS id, 'somebody' AS name FROM generate_series(1, 5000) n"
        )
        connection.execute("CREATE TABLE small AS SELECT 1 AS one")


def names(point: Point) -> list[str]:
    return [piece.name for piece in point.captured.pieces]


class Restorer:
    """Into a new database each time."""

    def __init__(self, server: NamedServer) -> None:
        self._server = server

    def __call__(self, point: Point) -> str:
        target = self._server.dsn(f"restored_{next(NUMBERS)}")
        restore(point, target, self._server.bin)
        return target


@pytest.fixture
def restored(server: PostgresServer) -> Restorer:
    return Restorer(server)


def capture(server: NamedServer, dsn: str, **options: Any) -> Point:
    return postgres_vault.capture(dsn, server.bin, **options)


def assert_same(server: NamedServer, source: str, target: str) -> None:
    assert differences(describe(source, server.bin), describe(target, server.bin)) == []


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_tables_in_many_segments_come_back_the_same_with_any_number_of_jobs(
    server: PostgresServer, shop: str, restored: Restorer, jobs: int
) -> None:
    point = capture(server, shop, jobs=jobs, sizes=SMALL)
    assert len([name for name in names(point) if name.startswith("data-")]) > 5
    assert_same(server, shop, restored(point))


@pytest.mark.parametrize("fingerprints", ["counts", "off"])
def test_less_looking_captures_the_same(
    server: PostgresServer, shop: str, restored: Restorer, fingerprints: str
) -> None:
    assert_same(server, shop, restored(capture(server, shop, sizes=SMALL, fingerprints=fingerprints)))


def test_a_rate_limit_loses_nothing(server: PostgresServer, shop: str, restored: Restorer) -> None:
    assert_same(server, shop, restored(capture(server, shop, sizes=SMALL, rate_limit=8_000_000)))


def test_the_rows_of_a_restored_table_stand_in_the_order_that_they_had(
    server: PostgresServer, shop: str, restored: Restorer
) -> None:
    target = restored(capture(server, shop, jobs=4, sizes=SMALL))
    question = "SELECT array_agg(id ORDER BY ctid) FROM orders"
    with psycopg.connect(shop) as source, psycopg.connect(target) as copy:
        assert source.execute(question).fetchall() == copy.execute(question).fetchall()


def test_under_a_writing_application_every_account_is_of_the_same_moment(
    server: PostgresServer, restored: Restorer, tmp_path: Path
) -> None:
    dsn = server.create("bank")
    pgbench = [str(server.bin / "pgbench"), "-n", dsn]
    subprocess.run([*pgbench, "-i", "-q"], check=True, capture_output=True, env=server.environment())
    seen: list[int] = []

    def rows_written() -> int:
        [(found,)] = server.query("SELECT count(*) FROM pgbench_history", database="bank")
        return int(found)

    def then_wait_for_more(name: str) -> None:
        if not seen:
            seen.append(rows_written())
            await_true(lambda: rows_written() > seen[0] + 20)

    with subprocess.Popen([*pgbench, "-c", "2", "-T", "60"], env=server.environment(), stdout=-3, stderr=-3) as bench:
        await_true(lambda: rows_written() > 20)
        point = hooked(server, dsn, then_wait_for_more, sizes=Sizes(64 * KIB, 1024 * KIB))
        assert bench.poll() is None
        bench.kill()
    target = restored(point)
    with psycopg.connect(target) as connection:
        sums = connection.execute(
            "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(bbalance) FROM pgbench_branches),"
            " (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(delta) FROM pgbench_history),"
            " (SELECT count(*) FROM pgbench_history)"
        ).fetchone()
    assert sums
    *balances, rows = sums
    assert len(set(balances)) == 1
    assert 0 < rows <= seen[0]


def test_tables_that_come_and_go_all_the_time_do_not_keep_a_backup_from_being_whole(
    server: PostgresServer, restored: Restorer
) -> None:
    dsn = server.create("traffic")
    make_shop(dsn)
    with writes_and_ddl(dsn) as traffic:
        point = capture(server, dsn, sizes=SMALL)
        traffic.wait_for(1)
    restored(point)


@pytest.mark.parametrize(
    "change",
    ["TRUNCATE small", "ALTER TABLE small ALTER one TYPE bigint USING one + 1", "DROP TABLE small"],
)
def test_a_table_that_changed_between_the_snapshot_and_the_lock_leads_to_a_new_snapshot(
    server: PostgresServer, restored: Restorer, change: str
) -> None:
    """The old snapshot would see an empty table, and no row in the log that says why."""
    dsn = fresh(server, "CREATE TABLE small AS SELECT 1 AS one", "CREATE TABLE log (what text)")
    with psycopg.connect(dsn) as application, ThreadPoolExecutor(1) as pool:
        application.execute("INSERT INTO log VALUES ('changed')")
        application.execute(change.encode())
        capturing = pool.submit(capture, server, dsn)
        wait_until_kept_out(server, dsn)
        application.commit()
        target = restored(capturing.result(PATIENCE))
    assert_same(server, dsn, target)
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT what FROM log").fetchall() == [("changed",)]


def test_a_table_that_is_not_wanted_may_be_locked_and_truncated(server: PostgresServer, restored: Restorer) -> None:
    dsn = fresh(server, "CREATE TABLE staging AS SELECT 1 AS one", "CREATE TABLE kept AS SELECT 2 AS two")
    with psycopg.connect(dsn) as application:
        application.execute("TRUNCATE staging")
        point = capture(server, dsn, exclude_tables=("staging",))
    with psycopg.connect(restored(point)) as connection:
        assert connection.execute("SELECT * FROM kept").fetchall() == [(2,)]


def test_a_table_that_is_not_wanted_may_change_under_the_first_snapshot(
    server: PostgresServer, restored: Restorer
) -> None:
    """The log shows that no second one was taken."""
    dsn = fresh(
        server, *(f"CREATE TABLE {name} AS SELECT 1 AS one" for name in ("staging", "kept")), "CREATE TABLE log ()"
    )
    with psycopg.connect(dsn) as holder, psycopg.connect(dsn) as application, ThreadPoolExecutor(1) as pool:
        holder.execute("LOCK TABLE kept")
        capturing = pool.submit(capture, server, dsn, exclude_data=("staging",))
        wait_until_kept_out(server, dsn)
        application.execute("TRUNCATE staging; INSERT INTO log DEFAULT VALUES")
        application.commit()
        holder.commit()
        target = restored(capturing.result(PATIENCE))
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchall() == [(0,)]


def test_a_schema_that_never_stands_still_ends_in_a_clear_word_and_begins_nothing(server: PostgresServer) -> None:
    """There is always somebody who has emptied the table and not committed, and one who is the next to do so."""
    dsn = fresh(server, "CREATE TABLE small AS SELECT 1 AS one")
    begun: list[datetime] = []

    def begin(moment: datetime) -> Save:
        begun.append(moment)
        raise AssertionError

    engine = postgres_vault.engine(server.bin, dsn, lock_timeout=timedelta(seconds=0.5))
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as other, ThreadPoolExecutor(2) as pool:
        one.execute("TRUNCATE small")
        capturing = pool.submit(engine.capture, begin)
        while not capturing.done():
            emptying = pool.submit(other.execute, "TRUNCATE small")
            await_true(lambda: capturing.done() or waiting(server, dsn) == {"drkit", ""})
            one.commit()
            emptying.result(PATIENCE)
            one, other = other, one
        error = capturing.exception()
    assert isinstance(error, CaptureError)
    assert "changed under each of 8 snapshots" in str(error)
    assert "migrations" in error.hint
    assert begun == []


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1"])
def test_who_waits_for_a_stronger_lock_neither_stops_a_backup_nor_waits_for_more_than_its_end(
    server: PostgresServer, restored: Restorer, encoding: str
) -> None:
    """Readers that come later are queued behind it, and it is queued behind those that came first."""
    options = f"TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    dsn = fresh(
        server, "CREATE TABLE orders AS SELECT n, 'Größe ' || n FROM generate_series(1, 9000) n", options=options
    )
    with psycopg.connect(dsn, autocommit=True) as application, ThreadPoolExecutor(1) as pool:
        altering: list[Future[Any]] = []

        def alter_first(name: str) -> None:
            if not altering:
                altering.append(pool.submit(application.execute, "ALTER TABLE orders ADD COLUMN more int DEFAULT 7"))
                wait_until_kept_out(server, dsn, "")

        point = hooked(server, dsn, alter_first, jobs=1, sizes=SMALL)
        altering[0].result(PATIENCE)
    with psycopg.connect(restored(point)) as connection:
        assert connection.execute("SELECT count(*), max(n) FROM orders").fetchall() == [(9000, 9000)]
        assert connection.execute("SELECT FROM pg_attribute WHERE attname = 'more'").fetchall() == []


def test_a_failure_while_the_snapshots_own_session_reads_ends_it_soon(server: PostgresServer) -> None:
    dsn = fresh(server, "CREATE TABLE orders AS SELECT n, repeat('x', 900) FROM generate_series(1, 90000) n")
    store, keys = MemoryStore(), new_keys()
    read = list[int]()
    with psycopg.connect(dsn, autocommit=True) as application, ThreadPoolExecutor(1) as pool:
        altering: list[Future[Any]] = []

        def begin(moment: datetime) -> Save:
            altering.append(pool.submit(application.execute, "ALTER TABLE orders ADD COLUMN more int"))
            wait_until_kept_out(server, dsn, "")
            save = saving(store, "shop/main/backups/1", keys.seal)

            def give_up(name: str, chunks: Chunks) -> Piece:
                if name == "dump":
                    await_true(lambda: bool(read))
                    raise ZeroDivisionError
                return save(name, counted(chunks))

            return give_up

        def counted(chunks: Chunks) -> Chunks:
            for chunk in chunks:
                if chunk:
                    read.append(len(chunk))
                yield chunk

        engine = postgres_vault.engine(server.bin, dsn, sizes=Sizes(64 * KIB, 2**30), rate_limit=10_000_000)
        with pytest.raises(ZeroDivisionError):
            engine.capture(begin)
        altering[0].result(PATIENCE)
    assert sum(read) < 60_000_000
    assert sessions(server, dsn) == []


def test_chosen_schemas_come_with_their_extensions_and_all_large_objects(
    server: PostgresServer, restored: Restorer
) -> None:
    dsn = fresh(
        server,
        "CREATE SCHEMA shop",
        'CREATE SCHEMA "odd ""name"',
        "CREATE SCHEMA other",
        "CREATE EXTENSION citext SCHEMA shop",
        "CREATE TABLE shop.names AS SELECT 'A'::shop.citext AS name, lo_from_bytea(4711, 'a picture') AS picture",
        'CREATE TABLE "odd ""name".t AS SELECT 1 AS one',
        "CREATE TABLE other.left_behind (n int)",
    )
    target = restored(capture(server, dsn, schemas=("shop", "odd*")))
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT name, convert_from(lo_get(picture), 'UTF8') FROM shop.names").fetchall() == [
            ("A", "a picture")
        ]
        assert connection.execute('SELECT * FROM "odd ""name".t').fetchall() == [(1,)]
        assert connection.execute("SELECT to_regclass('other.left_behind')").fetchall() == [(None,)]


def test_a_schema_that_is_not_there_is_refused_with_those_that_are(server: PostgresServer, shop: str) -> None:
    with pytest.raises(CaptureError, match="no schema matches 'shopp'; the database has public"):
        capture(server, shop, schemas=("shopp",))


def test_excluded_tables_are_not_there_and_excluded_data_is_missing_only(
    server: PostgresServer, shop: str, restored: Restorer
) -> None:
    point = capture(server, shop, sizes=SMALL, exclude_tables=("small", "nothing*"), exclude_data=("public.cust*",))
    assert "1 tables are left out" in point.captured.notes
    assert "1 tables are backed up without their rows" in point.captured.notes
    with psycopg.connect(restored(point)) as connection:
        assert connection.execute("SELECT to_regclass('small')").fetchall() == [(None,)]
        assert connection.execute("SELECT count(*) FROM customers").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM orders").fetchall() > [(1000,)]


def test_the_sequences_of_a_table_that_is_left_out_are_left_out_too(server: PostgresServer, restored: Restorer) -> None:
    dsn = fresh(
        server,
        "CREATE TABLE gone (a serial, b int GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE stays (a serial)",
        "CREATE SEQUENCE of_its_own",
    )
    with psycopg.connect(restored(capture(server, dsn, exclude_tables=("gone",)))) as connection:
        found = connection.execute("SELECT relname FROM pg_class WHERE relkind = 'S' ORDER BY 1").fetchall()
    assert found == [("of_its_own",), ("stays_a_seq",)]


def test_a_pattern_that_matches_nothing_is_told(server: PostgresServer, shop: str) -> None:
    point = capture(server, shop, exclude_tables=("smal",), exclude_data=("audit.*",))
    assert "exclude_tables matches no table" in point.captured.notes
    assert "exclude_data matches no table" in point.captured.notes


def test_a_hot_standby_is_a_source_like_any_other(
    server: PostgresServer, shop: str, restored: Restorer, tmp_path: Path
) -> None:
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE UNLOGGED TABLE IF NOT EXISTS passing AS SELECT 1 AS one")
    with standby_of(server, tmp_path) as standby:
        await_true(lambda: catch_up(server, standby))
        point = capture(standby, standby.dsn("shop"), sizes=SMALL)
    target = restored(point)
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("TRUNCATE passing")  # a standby never has its rows
    assert_same(server, shop, target)


def fresh(server: NamedServer, *statements: str, options: str = "") -> str:
    name = f"fresh_{next(NUMBERS)}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), sql.SQL(options)))
    with psycopg.connect(server.dsn(name), autocommit=True, client_encoding="UTF8") as connection:
        for statement in statements:
            connection.execute(statement.encode())
    return server.dsn(name)


def hooked(server: NamedServer, dsn: str, before: Callable[[str], None], **options: Any) -> Point:
    """A capture in which `before` is called with the name of each piece before it is saved."""
    store, keys, moments = MemoryStore(), new_keys(), list[datetime]()

    def begin(moment: datetime) -> Save:
        moments.append(moment)
        save = saving(store, postgres_vault.FOLDER, keys.seal)

        def first(name: str, chunks: Chunks) -> Piece:
            before(name)
            return save(name, chunks)

        return first

    captured = postgres_vault.engine(server.bin, dsn, **options).capture(begin)
    return Point(store, keys, moments, captured)


def sessions(server: NamedServer, dsn: str) -> list[tuple[Any, ...]]:
    """Ours, in that database."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    return server.query(
        "SELECT pid, query FROM pg_stat_activity WHERE datname = %s AND application_name = 'drkit'", [name]
    )


def waiting(server: NamedServer, dsn: str) -> set[str]:
    """The programs that wait for a lock in that database."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    found = server.query(
        "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", [name]
    )
    return {program for (program,) in found}


def wait_until_kept_out(server: NamedServer, dsn: str, program: str = "drkit") -> None:
    await_true(lambda: program in waiting(server, dsn))
