"""The servers that PostgreSQL tests rest on: each version starts, and what is said of them is true."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from postgres.cluster import reachable_programs
from postgres.programs import MAJORS, as_server_user, find_programs, give_to_server, is_reachable, program_environment
from servers.certificates import make_ca_and_server
from servers.postgres import NamedServer, any_server, postgres_server


@pytest.mark.parametrize("major", MAJORS)
def test_each_major_starts_and_answers(major: int, tmp_path: Path) -> None:
    with postgres_server(tmp_path, major) as server:
        assert server.major == major
        assert server.query("SELECT current_setting('server_version_num')::int / 10000") == [(major,)]


@pytest.mark.parametrize("end", ["crash", "immediate", "fast"])
def test_committed_rows_outlive_every_end_of_a_server(end: str, tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        server.create("a b/ü")
        server.execute("CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)", database="a b/ü")
        server.crash() if end == "crash" else server.stop(end)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.dsn())
        server.start()
        assert server.query("SELECT n FROM kept", database="a b/ü") == [(7,)]


def test_a_wrong_password_is_refused_by_port_and_by_socket(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        for host in ("127.0.0.1", str(server.socket)):
            psycopg.connect(server.dsn(host=host)).close()
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(server.dsn(host=host, password="guessed"))


def test_a_server_with_a_certificate_proves_who_it_is(tmp_path: Path) -> None:
    tls = make_ca_and_server(tmp_path)
    with postgres_server(tmp_path, tls=tls) as server:
        options = {"sslmode": "verify-full", "sslrootcert": str(tls.ca)}
        with psycopg.connect(server.dsn(**options)) as connection:
            assert connection.pgconn.ssl_in_use


def test_a_server_and_its_folder_are_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), postgres_server(tmp_path, settings={"work_mem": "7MB"}) as server:
        assert server.query("SHOW work_mem") == [("7MB",)]
        raise ZeroDivisionError
    assert not server.data.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.dsn())


def test_the_shared_server_is_a_superusers(postgres: NamedServer) -> None:
    assert postgres.query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(True,)]


def test_a_server_named_in_the_environment_is_used_with_its_options(tmp_path: Path) -> None:
    tls = make_ca_and_server(tmp_path)
    with postgres_server(tmp_path, 16, tls=tls) as server:
        server.execute("CREATE ROLE \"o'wner\" SUPERUSER LOGIN PASSWORD 'a/b ?'")
        dsn = server.dsn(user="o'wner", password="a/b ?", sslmode="verify-ca", sslrootcert=str(tls.ca))
        with any_server(tmp_path, {"DRKIT_TEST_POSTGRES_DSN": dsn}) as named:
            assert named.query("SELECT current_user::text, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [
                ("o'wner", True)
            ]
            assert (named.major, named.port) == (16, server.port)
            assert named.bin.parent.name == "16"


def test_programs_in_a_closed_folder_are_copied_to_where_the_servers_user_may_go(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    shutil.copytree(find_programs(14).parent, closed / "postgres")
    closed.chmod(0o700)
    with TemporaryDirectory() as home:
        give_to_server(Path(home))
        programs = reachable_programs(closed / "postgres/bin", Path(home))
        assert is_reachable(programs / "postgres")
        command = as_server_user([str(programs / "postgres"), "--version"])
        done = subprocess.run(command, capture_output=True, env=program_environment(programs), check=True)
    assert done.stdout.startswith(b"postgres (PostgreSQL) 14.")
