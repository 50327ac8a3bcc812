"""What breaks in the middle of a restore: exit code 6, nothing under the final name, and the next restore works."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drkit.engines.postgres.division import Sizes
from drkit.errors import NotRestorable
from drkit.model import Piece, Wishes
from drkit.ports import Chunks, Load
from drkit.sealing import loading
from patience import await_true
from postgres.programs import as_server_user
from postgres_system import OURS, fill
from postgres_vault import Point, capture, engine, restore
from servers.cutting import line_to
from servers.postgres import PostgresServer, postgres_server

SIZES = Sizes(16 << 20, 4 << 20)


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> Point:
    with postgres_server(tmp_path_factory.mktemp("source")) as source:
        dsn = source.create("shop")
        fill(dsn)
        return capture(dsn, source.bin, sizes=SIZES)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path) as started:
        yield started


def breaking(point: Point, act: Callable[[], object], name: str) -> Load:
    """`act` is called when the second chunk of that piece is asked for."""
    load = loading(point.store, point.keys.keyring)

    def with_break(piece: Piece) -> Chunks:
        for number, chunk in enumerate(load(piece)):
            if number == 1 and piece.name == name:
                act()
            yield chunk

    return with_break


def fails(point: Point, server: PostgresServer, load: Load, dsn: str) -> NotRestorable:
    with pytest.raises(NotRestorable) as caught:
        engine(server.bin).restore(point.manifest, load, dsn, Wishes())
    assert caught.value.exit_code == 6
    assert caught.value.hint, caught.value
    return caught.value


def is_there(server: PostgresServer) -> bool:
    return bool(server.query("SELECT FROM pg_database WHERE datname = 'restored'"))


def assert_clean_and_restorable(point: Point, server: PostgresServer) -> None:
    await_true(lambda: not server.query(OURS))
    assert not is_there(server)
    assert restore(point, server.dsn("restored"), server.bin).verified
    assert is_there(server)


def end_sessions(server: PostgresServer, word: str) -> None:
    """Those of ours that do something with that word in it."""
    server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drkit' AND query LIKE %s",
        [f"%{word}%"],
    )


@pytest.mark.parametrize("piece", ["dump", "data-00002"])
def test_a_server_that_crashes(point: Point, server: PostgresServer, piece: str) -> None:
    fails(point, server, breaking(point, server.crash, piece), server.dsn("restored"))
    server.start()
    assert_clean_and_restorable(point, server)


def test_sessions_that_are_ended(point: Point, server: PostgresServer) -> None:
    error = fails(
        point, server, breaking(point, lambda: end_sessions(server, "COPY"), "data-00002"), server.dsn("restored")
    )
    assert "connection" in str(error)
    assert_clean_and_restorable(point, server)


def test_a_line_that_is_cut(point: Point, server: PostgresServer) -> None:
    with line_to(server.host, server.port) as line:
        dsn = server.dsn("restored", port=str(line.port))
        fails(point, server, breaking(point, line.cut, "data-00002"), dsn)
    assert_clean_and_restorable(point, server)


def test_a_disk_that_has_no_room(point: Point, server: PostgresServer) -> None:
    """No file of the server may grow beyond what the log of changes needs: the biggest table is too big."""
    resize = as_server_user(["prlimit", "--pid", str(server.pid)])
    subprocess.run([*resize, f"--fsize={17 << 20}:unlimited"], check=True)
    error = fails(point, server, loading(point.store, point.keys.keyring), server.dsn("restored"))
    assert "could not extend file" in str(error)
    subprocess.run([*resize, "--fsize=unlimited:unlimited"], check=True)
    assert_clean_and_restorable(point, server)


def test_what_was_left_unfinished_is_marked(point: Point, server: PostgresServer) -> None:
    fails(point, server, breaking(point, lambda: end_sessions(server, "COPY"), "data-00002"), server.dsn("restored"))
    [(name, mark)] = server.query(
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE 'restored%'"
    )
    assert name != "restored"
    assert "unfinished restore" in mark
