"""What hostile data of a whole server reach from the throw-away copy that drills and restores make of it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from postgres.cluster import reachable_programs
from postgres.programs import find_programs, give_to_server
from recovering import Arrival, arriving
from servers.physical import physical_system

# It fires whenever somebody connects, as a drill does, with the rights of a superuser.
AT_EACH_LOGIN = (
    "CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
    "  BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''echo spoiled >> {bait}/secret; touch {bait}/by-program'''; EXCEPTION"
    "  WHEN OTHERS THEN NULL; END;"
    "  BEGIN PERFORM lo_export(lo_from_bytea(0, 'spoiled'), '{bait}/by-server'); EXCEPTION WHEN OTHERS THEN NULL; END;"
    "  BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch $PWD/it-fired'''; EXCEPTION WHEN OTHERS THEN NULL; END;"
    " END $$",
    "CREATE EVENT TRIGGER spoiling ON login EXECUTE FUNCTION spoil()",
    "ALTER EVENT TRIGGER spoiling ENABLE ALWAYS",
)


@pytest.fixture(scope="module")
def bait() -> Iterator[Path]:
    """What anybody on this machine may read and write, were he not shut in."""
    with TemporaryDirectory(prefix="bait-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, bait: Path) -> Iterator[Arrival]:
    more = f'programs = "{reachable_programs(find_programs(17), Path("/tmp"))}"'
    folder = tmp_path_factory.mktemp("hostile")
    with physical_system(folder, 17, more) as system:
        place = system.server.data.parent / "far"
        place.mkdir()
        give_to_server(place)
        with psycopg.connect(system.server.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE far LOCATION '{place}'".encode())
            connection.execute("CREATE TABLE kept (n int) TABLESPACE far")
            for statement in AT_EACH_LOGIN:
                connection.execute(statement.format(bait=bait).encode())
        with system.following():
            system.drkit.ok("backup", "now")
            system.server.execute("INSERT INTO kept VALUES (7)")
            system.await_stored()
        for path in bait.iterdir():
            path.unlink()
        (bait / "secret").write_text("whole\n")
        (bait / "secret").chmod(0o666)
        with arriving(system, None) as arrival:
            yield arrival


def attempt(there: Arrival, statement: str) -> str:
    try:
        return str(there.query(statement))
    except psycopg.Error as refusal:  # or what went well without an answer
        return str(refusal)


def test_the_copy_works_and_what_fired_by_itself_reached_nothing_outside(there: Arrival, bait: Path) -> None:
    assert there.query("SELECT n FROM kept") == [(7,)]
    assert there.query("INSERT INTO kept VALUES (8) RETURNING n") == [(8,)]
    assert there.query("SELECT count(*) FROM pg_ls_dir('.') AS name WHERE name = 'it-fired'") == [(1,)]
    assert [path.name for path in bait.iterdir()] == ["secret"]
    assert (bait / "secret").read_text() == "whole\n"


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 'spoiled') TO '{bait}/more'",
        "COPY (SELECT 1) TO PROGRAM 'cp {bait}/secret {bait}/more'",
        "CREATE TEMP TABLE told AS SELECT pg_read_file('{bait}/secret')",
        "CREATE TEMP TABLE told AS SELECT pg_read_file('/proc/self/environ')",
    ],
)
def test_nothing_outside_is_read_or_written(there: Arrival, bait: Path, statement: str) -> None:
    said = attempt(there, statement.format(bait=bait))
    assert "Permission denied" in said or "failed" in said, said
    assert [path.name for path in bait.iterdir()] == ["secret"]


def test_nobody_on_this_machine_is_reached_by_tcp(there: Arrival) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        attempt(there, f"COPY (SELECT 1) TO PROGRAM 'bash -c \"exec 3<>/dev/tcp/127.0.0.1/{port}\"'")
        with pytest.raises(TimeoutError):
            listener.accept()


def test_that_it_is_shut_in_is_told(there: Arrival) -> None:
    assert "shut into its folder" in there.place
