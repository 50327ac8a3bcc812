"""What breaks in the middle of a capture: exit code 4 and its reason, no point, nothing left; then a good run."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from postgres_system import System, error_in, fill, make_system
from processes import kill
from servers.postgres import PostgresServer, postgres_server

# much less is under way, and much more takes too long
SLOWLY, TO_THE_END = 'rate_limit = "3MB"', 'rate_limit = "8MB"'
Act = Callable[[System, PostgresServer, dict[str, int]], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("faults")) as started:
        fill(started.create("filled"))
        started.execute(  # some MB of what pg_dump reads lie between it and whoever takes it slowly
            "CREATE TABLE medium_2 AS TABLE medium", "CREATE TABLE medium_3 AS TABLE medium", database="filled"
        )
        yield started


@pytest.fixture
def system(server: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest) -> System:
    database = f"shop_{abs(hash(request.node.name))}"
    server.create(database, "TEMPLATE filled")
    return make_system(tmp_path / "system", server, database, SLOWLY)


def end_session(name: str) -> Act:
    def act(system: System, server: PostgresServer, reading: dict[str, int]) -> None:
        server.query("SELECT pg_terminate_backend(%s)", [reading[name]])

    return act


def kill_child(program: str) -> Act:
    def act(system: System, server: PostgresServer, reading: dict[str, int]) -> None:
        (child,) = [child for child in system.children() if child.words[0].endswith(program)]
        kill([child])

    return act


def restart(mode: str) -> Act:
    def act(system: System, server: PostgresServer, reading: dict[str, int]) -> None:
        server.crash() if mode == "crash" else server.stop(mode)
        server.start()

    return act


def drop(system: System, server: PostgresServer, reading: dict[str, int]) -> None:
    server.execute(f'DROP DATABASE "{system.database}" WITH (FORCE)')  # type: ignore[arg-type]


FOUND_AT_THE_END = "the snapshot's session is ended"
FAULTS = {
    "pg_dump's session is ended": (end_session("pg_dump"), "pg_dump"),
    "a stream's session is ended": (end_session("psql"), "psql"),
    FOUND_AT_THE_END: (end_session("leader"), "connection"),
    "pg_dump is killed": (kill_child("/pg_dump"), "pg_dump was ended by signal 9"),
    "psql is killed": (kill_child("/psql"), "psql was ended by signal 9"),
    "the server crashes": (restart("crash"), "server"),
    "the server is stopped": (restart("fast"), "server"),
    "the database is dropped": (drop, "connection"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_middle_ends_with_4_and_leaves_no_point(
    system: System, server: PostgresServer, fault: str
) -> None:
    act, word = FAULTS[fault]
    if fault == FOUND_AT_THE_END:
        system.configure(TO_THE_END)
    with system.drkit.running("backup", "now") as child:
        act(system, server, system.await_reading())
        _, err = child.communicate(timeout=60)
    assert child.returncode == 4, err
    assert word in error_in(err)
    assert not error_in(err).endswith("| "), "a hint is missing"
    system.assert_nothing_stays()
    system.configure()
    if act is drop:
        server.create(system.database, "TEMPLATE filled")
    assert system.back_up().code == 0
    assert len(system.points()) == 1


@pytest.mark.parametrize(("blow", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 130), (signal.SIGINT, 130)])
def test_when_drkit_itself_is_ended_its_children_and_sessions_go_too(system: System, blow: int, code: int) -> None:
    with system.drkit.running("backup", "now") as child:
        system.await_reading()
        child.send_signal(blow)
        child.communicate(timeout=60)
        assert child.returncode == code
        system.assert_nothing_stays()
    system.configure()
    assert system.back_up().code == 0


def test_drkit_killed_while_it_waits_for_a_lock_leaves_nothing_when_the_time_is_over(
    system: System, server: PostgresServer
) -> None:
    system.configure('lock_timeout = "2s"')
    with psycopg.connect(server.dsn(system.database)) as other:
        other.execute("LOCK TABLE medium")
        with system.drkit.running("backup", "now") as child:
            system.await_statement("pg_relation_size")
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=60)
            system.assert_nothing_stays()
