"""Databases on a scratch server of somebody's, with real servers: made, found, dropped, and never on the source's."""

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from subprocess import Popen

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.scratch.database import scratch_database
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.errors import ConfigError, NotRestorable
from fault_system import utc_now
from servers.children import free_port
from servers.postgres import NamedServer, PostgresServer, postgres_server


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("source"), 14) as server:
        yield server


def databases(server: NamedServer) -> list[str]:
    asked = "SELECT datname FROM pg_database WHERE datname ~ '^drkit_scratch_' ORDER BY 1"
    return [name for (name,) in server.query(asked)]


def system_of(server: NamedServer) -> str:
    [(number,)] = server.query("SELECT system_identifier::text FROM pg_control_system()")
    return str(number)


def name_in(scratch: ScratchServer, name: str) -> str:
    return str(conninfo_to_dict(scratch.dsn(name))["dbname"])


def test_a_run_has_databases_of_its_own_and_they_are_gone_after_it_even_with_sessions_in_them(
    postgres: NamedServer, source: PostgresServer
) -> None:
    with scratch_database(postgres.dsn(), parse_dsn(source.dsn()), system_of(source), utc_now) as scratch:
        [own] = databases(postgres)
        assert name_in(scratch, "restored") == f"{own}_restored"
        postgres.create(f"{own}_restored")
        postgres.create(f"{own}_restored.drkit-partial")
        stays = psycopg.connect(scratch.dsn("restored"))
        assert scratch.major == postgres.major
        assert scratch.settings["server_version"]
    assert databases(postgres) == []
    with pytest.raises(psycopg.OperationalError), stays:
        stays.execute("SELECT 1")


def test_an_error_in_the_block_passes_through_and_the_databases_are_dropped(postgres: NamedServer) -> None:
    with pytest.raises(ZeroDivisionError), scratch_database(postgres.dsn(), None, None, utc_now) as scratch:
        postgres.create(name_in(scratch, "half"))
        raise ZeroDivisionError
    assert databases(postgres) == []


@contextmanager
def told_of(target: str) -> Iterator[Popen[bytes]]:
    with Popen(["sleep", "60"], env={"DRKIT_TARGET": target}) as command:
        try:
            yield command
        finally:
            command.kill()


def test_commands_that_were_told_of_a_run_end_with_it_and_others_go_on(postgres: NamedServer) -> None:
    with ExitStack() as commands:
        with scratch_database(postgres.dsn(), None, None, utc_now) as scratch:
            ours = commands.enter_context(told_of(scratch.dsn("restored")))
            another = commands.enter_context(told_of(postgres.dsn("drkit_scratch_0123456789abcdef_restored")))
        assert (ours.poll(), another.poll()) == (-signal.SIGKILL, None)


def test_commands_that_a_dead_run_left_end_when_its_database_is_dropped(postgres: NamedServer) -> None:
    postgres.create("drkit_scratch_0123456789abcdef")
    target = postgres.dsn("drkit_scratch_0123456789abcdef_restored")
    with told_of(target) as left, scratch_database(postgres.dsn(), None, None, utc_now):
        assert left.poll() == -signal.SIGKILL


def test_the_mark_of_a_run_says_who_and_since_when(postgres: NamedServer) -> None:
    def clock() -> datetime:
        return datetime(2026, 11, 20, 14, 30, tzinfo=UTC)

    with scratch_database(postgres.dsn(), None, None, clock) as scratch:
        asked = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname ~ '^drkit_scratch_'"
        [(mark,)] = postgres.query(asked)
        assert mark.startswith("drkit: scratch databases of ")
        assert mark.endswith(", begun at 2026-11-20T14:30:00+00:00")
        assert scratch.describe().endswith(f"(PostgreSQL {postgres.major}), since 2026-11-20T14:30:00+00:00")


def test_databases_of_others_are_left_alone_however_alike_their_names_are(postgres: NamedServer) -> None:
    others = ["drkit_scratch_notes", "drkit_scratch_0123456789abcdef", "drkit_scratch_0123456789abcdef_kept"]
    for name in others:
        postgres.create(name)
    postgres.execute("COMMENT ON DATABASE drkit_scratch_0123456789abcdef IS 'the accounts of 2025'")
    with scratch_database(postgres.dsn(), None, None, utc_now):
        pass
    assert databases(postgres) == sorted(others)
    for name in others:
        postgres.execute(f'DROP DATABASE "{name}"')


def test_the_source_s_own_server_is_refused_by_its_place(postgres: NamedServer) -> None:
    with pytest.raises(ConfigError, match="is at the same place as the source") as caught:
        source = parse_dsn(postgres.dsn("shop", user="somebody"))
        scratch_database(postgres.dsn(), source, None, utc_now).__enter__()
    assert "another server" in caught.value.hint
    assert postgres.password not in str(caught.value) + caught.value.hint
    assert databases(postgres) == []


def test_the_captured_server_is_refused_by_another_way_to_it(source: PostgresServer) -> None:
    with pytest.raises(ConfigError, match=r"is the captured one, or a physical copy of it"):
        by_socket = parse_dsn(source.dsn(host=str(source.socket)))
        scratch_database(source.dsn(), by_socket, system_of(source), utc_now).__enter__()
    with pytest.raises(ConfigError, match=r"is the captured one, or a physical copy of it"):
        scratch_database(source.dsn(), None, system_of(source), utc_now).__enter__()
    assert databases(source) == []


def test_a_name_and_an_address_of_one_host_are_the_same_place(source: PostgresServer) -> None:
    # nobody listens there, so only the place can tell
    elsewhere = replace(source, port=free_port())
    with pytest.raises(ConfigError, match="is at the same place"):
        by_address = parse_dsn(elsewhere.dsn(host="127.0.0.1"))
        scratch_database(elsewhere.dsn(host="localhost"), by_address, None, utc_now).__enter__()


def test_nobody_connects_to_the_source_to_know_it(postgres: NamedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = parse_dsn(f"postgresql://shop:secret@127.0.0.1:{listener.getsockname()[1]}/shop")
        with scratch_database(postgres.dsn(), source, "7000000000000000000", utc_now) as scratch:
            assert scratch.major == postgres.major
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_role_that_may_not_make_databases_is_told_so(postgres: NamedServer) -> None:
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with pytest.raises(NotRestorable, match="lacks a privilege: permission denied to create database") as caught:
        scratch_database(postgres.dsn(user="guest", password="guest"), None, None, utc_now).__enter__()
    assert "grant it" in caught.value.hint
    postgres.execute("DROP ROLE guest")


def test_a_role_that_may_make_databases_needs_no_more(postgres: NamedServer) -> None:
    postgres.execute("CREATE ROLE tester LOGIN CREATEDB PASSWORD 'tester'")
    dsn = postgres.dsn(user="tester", password="tester")
    with scratch_database(dsn, None, None, utc_now) as scratch:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name_in(scratch, "restored")}"'.encode())
        psycopg.connect(scratch.dsn("restored")).close()
    assert databases(postgres) == []
    postgres.execute("DROP ROLE tester")


def test_what_describes_a_scratch_place_shows_no_password(postgres: NamedServer) -> None:
    with scratch_database(postgres.dsn(), None, None, utc_now) as scratch:
        assert postgres.password in scratch.dsn("restored")
        assert postgres.password not in repr(scratch) + scratch.describe()
