"""Where a PostgreSQL restore goes to: nothing that exists is overwritten, and nothing unfinished has a final name."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.restore import Restoring
from drkit.errors import DrkitError, NotRestorable, UsageError
from drkit.model import Piece, Restored, Wishes
from drkit.ports import Chunks, Load
from drkit.sealing import loading
from drkit.stores.local import LocalStore
from patience import PATIENCE
from postgres_vault import Point, capture, engine, new_keys, restore, utc_now
from servers.postgres import PostgresServer, postgres_server

SHOP = """
CREATE TABLE orders (id integer PRIMARY KEY, note text);
INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 1000) AS n;
COMMENT ON DATABASE shop IS 'the shop';
"""
PARTIAL = ".drkit-partial"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Its databases are counted: nobody else sees it."""
    with postgres_server(tmp_path_factory.mktemp("targets")) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def point(server: PostgresServer, folder: Path) -> Point:
    source = server.create("shop")
    server.execute(SHOP, database="shop")
    return capture(source, server.bin, LocalStore(folder), new_keys())


def databases(server: PostgresServer, beginning: str) -> list[str]:
    names = server.query("SELECT datname FROM pg_database ORDER BY datname")
    return [name for (name,) in names if name.startswith(beginning)]


def count(server: PostgresServer, database: str) -> int:
    [(rows,)] = server.query("SELECT count(*) FROM orders", database=database)
    return int(rows)


def comment(server: PostgresServer, database: str) -> str | None:
    [(found,)] = server.query(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database]
    )
    return found


def run(
    point: Point,
    server: PostgresServer,
    name: str,
    load: Load | None = None,
    options: DumpOptions | None = None,
    **wishes: bool,
) -> Restored:
    """Without patience for sessions that are in the way."""
    return Restoring(
        parse_dsn(server.dsn(name), NotRestorable),
        options or DumpOptions(jobs=2, programs=server.bin),
        point.manifest,
        load or loading(point.store, point.keys.keyring),
        Wishes(**wishes),
        utc_now,
        patience=timedelta(0),
    ).run()


def stopping(point: Point, reached: Callable[[], object], go_on: Callable[[], object]) -> Load:
    """Stops where the rows of the dump are about to be loaded: its contents have been read before."""
    load, times = loading(point.store, point.keys.keyring), iter(range(10))

    def load_until(piece: Piece) -> Chunks:
        if piece.name == "dump" and next(times) == 1:
            reached()
            go_on()
        return load(piece)

    return load_until


def test_a_new_database_gets_its_name_and_its_own_comment_at_the_end(server: PostgresServer, point: Point) -> None:
    assert restore(point, server.dsn("new"), server.bin).kept_old is None
    assert databases(server, "new") == ["new"]
    assert (count(server, "new"), comment(server, "new")) == (1000, "the shop")


def programs_with_holes(server: PostgresServer, folder: Path) -> Path:
    """The same programs, and pg_dump says that it is older."""
    folder.mkdir()
    for name in ("pg_restore", "psql", "pg_dump"):
        telling = f'[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {server.major}.0" && exit\n'
        script = f"#!/bin/sh\n{telling if name == 'pg_dump' else ''}exec '{server.bin / name}' \"$@\"\n"
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return folder


def test_a_source_that_is_not_trusted_never_meets_programs_with_known_holes(
    server: PostgresServer, point: Point, tmp_path: Path
) -> None:
    options = DumpOptions(programs=programs_with_holes(server, tmp_path / "old"), trusted=False)
    with pytest.raises(UsageError, match=f"not trusted, and pg_restore {server.major}.0 .*CVE-2025-8714") as caught:
        run(point, server, "doubtful", options=options)
    assert "update the package" in caught.value.hint
    assert databases(server, "doubtful") == []
    newer = DumpOptions(programs=server.bin, trusted=False)
    assert not any("CVE" in note for note in run(point, server, "doubtful", options=newer).notes)
    assert count(server, "doubtful") == 1000


def test_programs_with_known_holes_restore_a_trusted_source_and_are_noted(
    server: PostgresServer, point: Point, tmp_path: Path
) -> None:
    options = DumpOptions(programs=programs_with_holes(server, tmp_path / "old"))
    notes = run(point, server, "trusted", options=options).notes
    assert any("CVE-2025-8715" in note for note in notes)
    assert count(server, "trusted") == 1000


def test_an_empty_database_is_filled_where_it_stands(server: PostgresServer, point: Point) -> None:
    target = server.create("empty")
    server.execute("CREATE SCHEMA left_behind", "CREATE EXTENSION hstore SCHEMA left_behind", database="empty")
    [(number,)] = server.query("SELECT oid FROM pg_database WHERE datname = 'empty'")
    restore(point, target, server.bin)
    assert server.query("SELECT oid FROM pg_database WHERE datname LIKE 'empty%'") == [(number,)]
    assert (count(server, "empty"), comment(server, "empty")) == (1000, "the shop")


@pytest.mark.parametrize(
    "content",
    [
        "CREATE TABLE t ()",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE mood AS ENUM ('sad')",
        "CREATE DOMAIN d AS text",
        "SELECT lo_create(0)",
        "CREATE SEQUENCE s",
        "CREATE PUBLICATION p",
    ],
)
def test_a_database_that_holds_anything_is_refused_and_stays_as_it_is(
    server: PostgresServer, point: Point, content: str
) -> None:
    server.execute("DROP DATABASE IF EXISTS used")
    target = server.create("used")
    server.execute(content, database="used")
    with pytest.raises(UsageError, match="is not empty") as error:
        restore(point, target, server.bin)
    assert error.value.exit_code == 2
    assert databases(server, "used") == ["used"]
    assert server.query("SELECT to_regclass('orders')", database="used") == [(None,)]


def test_a_swap_keeps_the_old_database_with_all_its_rows(server: PostgresServer, point: Point) -> None:
    target = server.create("swapped")
    server.execute("CREATE TABLE old (n integer); INSERT INTO old VALUES (1), (2)", database="swapped")
    kept = restore(point, target, server.bin, swap=True).kept_old
    assert kept is not None
    assert databases(server, "swapped") == ["swapped", kept]
    assert count(server, "swapped") == 1000
    assert server.query("SELECT n FROM old", database=kept) == [(1,), (2,)]


def test_a_swap_under_a_session_says_who_is_in_the_way_and_keeps_what_was_restored(
    server: PostgresServer, point: Point
) -> None:
    target = server.create("busy")
    server.execute("CREATE TABLE old ()", database="busy")
    with (
        psycopg.connect(target, application_name="the web shop"),
        pytest.raises(
            NotRestorable, match=r"busy cannot be renamed: it is used by the web shop as postgres \(1\)"
        ) as error,
    ):
        run(point, server, "busy", swap=True)
    assert databases(server, "busy") == ["busy", f"busy{PARTIAL}"]
    assert count(server, f"busy{PARTIAL}") == 1000
    _, _, statements = error.value.hint.partition("psql: BEGIN; ")
    server.execute(statements.removesuffix(" COMMIT;"))  # type: ignore[arg-type]
    assert count(server, "busy") == 1000
    assert len(databases(server, "busy.before-")) == 1


def test_a_finished_restore_that_was_not_published_is_not_replaced(server: PostgresServer, point: Point) -> None:
    target = server.create("busy again")
    server.execute("CREATE TABLE old ()", database="busy again")
    with psycopg.connect(target), pytest.raises(NotRestorable, match="cannot be renamed"):
        run(point, server, "busy again", swap=True)
    with pytest.raises(UsageError, match="stands in the way, and it is not an unfinished restore"):
        run(point, server, "busy again", swap=True)


def test_what_a_killed_restore_left_is_replaced(server: PostgresServer, point: Point, folder: Path) -> None:
    with killed_in_mid_restore(server, point, folder, "killed"):
        assert databases(server, "killed") == [f"killed{PARTIAL}"]
    assert databases(server, "killed") == [f"killed{PARTIAL}"]
    restore(point, server.dsn("killed"), server.bin)
    assert databases(server, "killed") == ["killed"]
    assert count(server, "killed") == 1000


def test_a_restore_killed_between_making_the_database_and_marking_it_is_replaced(
    server: PostgresServer, point: Point
) -> None:
    server.create(f"barely begun{PARTIAL}")
    restore(point, server.dsn("barely begun"), server.bin)
    assert databases(server, "barely begun") == ["barely begun"]


def test_an_existing_database_in_which_a_restore_was_killed_is_refused_with_the_reason(
    server: PostgresServer, point: Point, folder: Path
) -> None:
    target = server.create("killed in place")
    with killed_in_mid_restore(server, point, folder, "killed in place"):
        pass
    with pytest.raises(UsageError, match="holds an unfinished restore"):
        restore(point, target, server.bin)


@contextmanager
def killed_in_mid_restore(server: PostgresServer, point: Point, folder: Path, name: str) -> Iterator[None]:
    """A restore in a process of its own; within the block it stands still, and then it is killed."""
    known = pickle.dumps((folder, point.keys, point.begun, point.captured, server.bin, server.dsn(name)))
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.path[:0] = " + repr(sys.path) + "\n" + CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin
    assert child.stdout
    try:
        child.stdin.write(known)
        child.stdin.close()
        assert child.stdout.readline() == b"here\n"
        yield
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


CHILD = """
import pickle
from threading import Event
from drkit.model import Wishes
from drkit.sealing import loading
from drkit.stores.local import LocalStore
from postgres_vault import Point, engine
folder, keys, begun, captured, programs, target = pickle.load(sys.stdin.buffer)
point = Point(LocalStore(folder), keys, begun, captured)
load, times = loading(point.store, keys.keyring), iter(range(10))
def load_until(piece):
    if piece.name == "dump" and next(times) == 1:
        print("here", flush=True)
        Event().wait()
    return load(piece)
engine(programs).restore(point.manifest, load_until, target, Wishes())
"""


def test_of_two_restores_to_one_new_database_the_second_is_refused(server: PostgresServer, point: Point) -> None:
    refuse_second(server, point, "twice")


def test_of_two_restores_into_one_empty_database_the_second_is_refused(server: PostgresServer, point: Point) -> None:
    server.create("twice in place")
    refuse_second(server, point, "twice in place")


def refuse_second(server: PostgresServer, point: Point, name: str) -> None:
    reached, go_on = Event(), Event()
    results: list[Restored | DrkitError] = []

    def first() -> None:
        try:
            results.append(run(point, server, name, stopping(point, reached.set, go_on.wait)))
        except DrkitError as error:
            results.append(error)

    thread = Thread(target=first)
    thread.start()
    try:
        assert reached.wait(PATIENCE)
        with pytest.raises(UsageError, match="is being filled by another restore"):
            run(point, server, name)
    finally:
        go_on.set()
        thread.join()
    assert isinstance(results[0], Restored), results
    assert count(server, name) == 1000


@pytest.mark.parametrize(
    "name",
    [
        "select",
        'quo"ted',
        "it's",
        "with space",
        "Größe 日本",
        "back\\slash",
        "new\nline\tand tab",
        "%s$1{x}",
        "-d",
        "x=1 host=nowhere",
        "postgresql://elsewhere/x",
        "é" * 31 + "e",
        "a" * 63,
    ],
)
def test_a_database_may_have_any_name(server: PostgresServer, point: Point, name: str) -> None:
    restore(point, server.dsn(name), server.bin)
    assert databases(server, name) == [name]
    assert count(server, name) == 1000
    kept = restore(point, server.dsn(name), server.bin, swap=True).kept_old
    assert kept is not None
    assert len(kept.encode()) <= 63
    assert count(server, kept) == 1000


def test_a_name_that_the_server_would_cut_is_refused(server: PostgresServer, point: Point) -> None:
    with pytest.raises(UsageError, match="longer than PostgreSQL's 63 bytes"):
        restore(point, server.dsn("a" * 64), server.bin)


def test_a_target_without_a_database_is_refused(server: PostgresServer) -> None:
    with pytest.raises(UsageError, match="names no database"):
        engine(server.bin).check_target(f"postgresql://postgres@127.0.0.1:{server.port}", Wishes())


def test_a_template_is_refused(server: PostgresServer, point: Point) -> None:
    with pytest.raises(UsageError, match="is a template for new databases"):
        restore(point, server.dsn("template1"), server.bin)
