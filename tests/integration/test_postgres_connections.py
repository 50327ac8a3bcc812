"""The way to a database: found, refused in our words, and kept from poolers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.facts import look_at_server
from drkit.engines.postgres.names import pattern, quote_name
from drkit.engines.postgres.programs import Programs
from drkit.errors import CaptureError, DrkitError, NotRestorable
from postgres.programs import as_server_user, program_environment
from servers.certificates import Certificates, make_ca_and_server
from servers.children import free_port, running, wait_until
from servers.pgbouncer import pgbouncer
from servers.postgres import NamedServer, PostgresServer, postgres_server

PLAIN = "plain Plain a.b a* aXb a? a$ $1 [a] a|b (a) a{2} ^a . .. * é É -- it's"
ODD = [
    *PLAIN.split(" "),
    "a b",
    " ",
    "tab\t",
    "x" * 63,
    'a"b',
    '"',
    "back\\slash",
    "line\nfeed",
    "\x01",
    'U&"x"',
    ':"x"',
]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_ca_and_server(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[PostgresServer]:
    settings = {"max_connections": "12", "superuser_reserved_connections": "2"}
    with postgres_server(tmp_path_factory.mktemp("server"), settings=settings, tls=certificates) as started:
        started.execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'")
        yield started


def refusal(dsn: str, failure: type[DrkitError] = CaptureError) -> str:
    with pytest.raises(failure) as caught, parse_dsn(dsn, failure).session():
        pass
    assert caught.value.hint
    return str(caught.value)


@contextmanager
def opened(dsn: str, **settings: str) -> Iterator[psycopg.Connection]:
    with parse_dsn(dsn).session(**settings) as connection:
        yield connection


def test_each_refusal_has_a_sentence_of_its_own(
    server: PostgresServer, certificates: Certificates, tmp_path: Path
) -> None:
    server.execute(
        "CREATE DATABASE shut ALLOW_CONNECTIONS false",
        "CREATE DATABASE private",
        "REVOKE CONNECT ON DATABASE private FROM PUBLIC",
    )
    place = f"127.0.0.1:{server.port}"
    visitor = {"user": "visitor", "password": "visitor"}
    assert refusal(server.dsn(password="wrong")) == f"{place}/postgres does not accept the user or the password"
    assert refusal(server.dsn(user="nobody")) == f"{place}/postgres does not accept the user or the password"
    assert refusal(server.dsn(password="")) == f"{place}/postgres does not accept the user or the password"
    assert refusal(server.dsn("gone")) == f"{place}/gone is not there: the server has no such database"
    assert refusal(server.dsn("shut")) == f"{place}/shut does not let this user connect"
    assert refusal(server.dsn("private", **visitor)) == f"{place}/private does not let this user connect"
    free = free_port()
    assert refusal(server.dsn(port=str(free))) == f"127.0.0.1:{free}/postgres refuses connections"
    assert "host name that no DNS knows" in refusal(server.dsn(host="drkit.invalid"))
    assert "has no socket there" in refusal("host=/nowhere dbname=postgres")
    assert "TLS" in refusal(
        server.dsn(sslmode="require", ssl_min_protocol_version="TLSv1", ssl_max_protocol_version="TLSv1")
    )
    assert "cannot be verified" in refusal(server.dsn(sslmode="verify-full", sslrootcert="/nowhere/ca.pem"))
    stranger = make_ca_and_server(tmp_path).ca
    assert "cannot be verified" in refusal(server.dsn(sslmode="verify-ca", sslrootcert=str(stranger)))
    other = {"host": "ip6-localhost", "hostaddr": "127.0.0.1"}
    trusting = {"sslmode": "verify-full", "sslrootcert": str(certificates.ca)}
    assert "certificate for another host" in refusal(server.dsn(**other, **trusting))
    assert "does not know" in refusal(server.dsn(sslmode="ture"))
    with opened(server.dsn(**trusting)) as connection:
        assert connection.pgconn.ssl_in_use


def test_a_restore_meets_the_same_refusals_as_its_own_errors(server: PostgresServer) -> None:
    assert "no such database" in refusal(server.dsn("gone"), NotRestorable)
    with pytest.raises(NotRestorable), parse_dsn(server.dsn(), NotRestorable).session() as connection:
        connection.execute("SELECT 1 / 0")
    with pytest.raises(NotRestorable), parse_dsn(server.dsn(), NotRestorable).database("gone").session():
        pass


def test_a_server_that_lets_nobody_in_from_here_says_so(server: PostgresServer) -> None:
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("host all visitor all reject\n" + before)
    server.execute("SELECT pg_reload_conf()")
    try:
        assert "lets nobody in from here" in refusal(server.dsn(user="visitor", password="visitor"))
    finally:
        hba.write_text(before)
        server.execute("SELECT pg_reload_conf()")


def test_a_server_without_a_free_connection_says_so(server: PostgresServer) -> None:
    with ExitStack() as stack:
        for _ in range(12 - 2):
            stack.enter_context(psycopg.connect(server.dsn()))
        assert "has no connection left" in refusal(server.dsn(user="visitor", password="visitor"))


def test_a_server_that_is_not_ready_says_so(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        server.stop()
        with (server.data / "postgresql.conf").open("a") as config:
            config.write("hot_standby = off\n")
        (server.data / "standby.signal").touch(mode=0o644)
        log = tmp_path / "standby.log"
        command = as_server_user([str(server.bin / "postgres"), "-D", str(server.data)])
        with running(command, log, program_environment(server.bin)) as child:
            wait_until(lambda: b"entering standby mode" in log.read_bytes(), child, log)
            assert refusal(server.dsn()).endswith("is starting or stopping")


def test_a_connection_that_ends_in_the_middle_is_told_with_what_to_do(server: PostgresServer) -> None:
    with pytest.raises(CaptureError, match="ended the connection") as caught, opened(server.dsn()) as connection:
        server.query("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        connection.execute("SELECT 1")
    assert "server's log" in caught.value.hint


def test_a_statement_without_the_right_to_it_is_told_with_what_to_do(server: PostgresServer) -> None:
    dsn = server.dsn(user="visitor", password="visitor")
    with pytest.raises(CaptureError, match=r"lacks a privilege.*pg_authid") as caught, opened(dsn) as connection:
        connection.execute("SELECT * FROM pg_authid")
    assert "grant" in caught.value.hint


@pytest.mark.parametrize("settings", [{}, {"ignore_startup_parameters": "options,extra_float_digits"}])
def test_a_pooler_is_refused_with_the_way_around_it(
    postgres: NamedServer, tmp_path: Path, settings: dict[str, str]
) -> None:
    with pgbouncer(tmp_path, postgres, **settings) as port:
        with psycopg.connect(postgres.dsn(port=str(port), sslmode="disable")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(CaptureError, match="is behind a pooler") as caught, opened(postgres.dsn(port=str(port))):
            pass
        assert "without `-pooler`" in caught.value.hint
        assert "TLS" in refusal(postgres.dsn(port=str(port), sslmode="require"))


@pytest.mark.parametrize("host", ["ep-cool-name-pooler.eu-central-1.aws.neon.tech", "aws-0-eu.pooler.supabase.com"])
def test_a_pooler_that_its_name_tells_is_refused_before_anything_is_sent(host: str) -> None:
    assert "is behind a pooler" in refusal(f"postgresql://user:secret@{host}/shop")


def test_what_is_pinned_stands_against_variables_settings_and_the_dsn(postgres: NamedServer) -> None:
    postgres.execute(
        "CREATE ROLE wilful LOGIN PASSWORD 'wilful'",
        "ALTER ROLE wilful SET timezone = 'Asia/Tokyo'",
        "ALTER ROLE wilful SET statement_timeout = '1ms'",
        "ALTER ROLE wilful SET datestyle = 'German'",
        "ALTER ROLE wilful SET client_encoding = 'LATIN1'",
    )
    dsn = postgres.dsn(user="wilful", password="wilful", options="-c search_path=public -c geqo=off")
    script = """if True:
        import sys
        from drkit.engines.postgres.dsn import parse_dsn
        names = "timezone datestyle statement_timeout client_encoding search_path geqo work_mem".split()
        with parse_dsn(sys.argv[1]).session(work_mem="7MB") as connection:
            print([connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names])
    """
    variables = {**os.environ, "PGTZ": "Asia/Tokyo", "PGDATESTYLE": "German", "PGCLIENTENCODING": "LATIN1"}
    done = subprocess.run(
        [sys.executable, "-c", script, dsn], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['UTC', 'ISO, YMD', '0', 'UTF8', '', 'off', '7MB']"


def programs_of(server: NamedServer) -> Programs:
    return Programs(server.bin, server.major, 0)


def test_a_child_reaches_the_same_database_with_the_same_settings(postgres: NamedServer) -> None:
    name = 'child\'s = "1"'
    server = parse_dsn(postgres.dsn(postgres_database(postgres, name), keepalives_idle="7", connect_timeout="9"))
    programs = programs_of(postgres)
    query = "SELECT current_database(), current_setting('timezone'), current_setting('client_encoding')"
    command = [programs.path("psql"), *server.arguments(), "-XAtc", query]
    environment = server.environment(programs, client_encoding="LATIN1", work_mem="7MB")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{name}|UTC|LATIN1\n"
    assert "keepalives_idle=7" in command[2]
    assert environment["PGCONNECT_TIMEOUT"] == "9"
    assert not any(postgres.password in word for word in command)
    assert environment["PGPASSWORD"] == postgres.password
    assert "work_mem=7MB" in environment["PGOPTIONS"]


def postgres_database(server: NamedServer, name: str) -> str:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {quote_name(name)}".encode())
    return name


def test_a_host_that_the_dsn_names_is_not_replaced_by_an_address_of_the_environment(
    postgres: NamedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    reached = parse_dsn(postgres.dsn())
    with reached.session() as connection:
        assert connection.info.hostaddr != "192.0.2.1"
    programs = Programs(postgres.bin, postgres.major, 0)
    command = [programs.path("psql"), *reached.arguments(), "-XAtc", "SELECT 1"]
    done = subprocess.run(command, env=reached.environment(programs), capture_output=True, check=True)
    assert done.stdout == b"1\n"


def test_a_server_tells_what_a_capture_must_know(server: PostgresServer) -> None:
    def hour_ago() -> datetime:
        return datetime.now(UTC) - timedelta(hours=1)

    server.create("latin", "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with opened(server.dsn("latin")) as connection:
        facts = look_at_server(connection, hour_ago, CaptureError)
    assert (facts.major, facts.encoding, facts.database, facts.role) == (server.major, "LATIN1", "latin", "postgres")
    assert (facts.superuser, facts.creates_roles, facts.reads_passwords, facts.in_recovery) == (True, True, True, False)
    assert (facts.manager, round(facts.ahead / timedelta(minutes=1))) == (None, 60)
    server.execute("CREATE ROLE rds_superuser")
    with opened(server.dsn(user="visitor", password="visitor")) as connection:
        facts = look_at_server(connection, hour_ago, CaptureError)
    assert (facts.superuser, facts.creates_roles, facts.reads_passwords) == (False, False, False)
    assert facts.manager == "rds_superuser"


@pytest.mark.parametrize(("encoding", "codec"), [("UTF8", "utf-8"), ("LATIN1", "latin-1")])
def test_a_pattern_names_one_table_to_pg_dump_and_no_other(postgres: NamedServer, encoding: str, codec: str) -> None:
    database = f"patterns {encoding}"
    schema = 'S.c"h*e?m$a\n\\é'
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        create = f"CREATE DATABASE {quote_name(database)} TEMPLATE template0 ENCODING '{encoding}'"
        connection.execute(f"{create} LC_COLLATE 'C' LC_CTYPE 'C'".encode())
    server, programs = parse_dsn(postgres.dsn(database)), programs_of(postgres)
    with server.session() as connection:
        for each in ("public", schema):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(each)}".encode())
            for name in ODD:
                connection.execute(f"CREATE TABLE {quote_name(each)}.{quote_name(name)} ()".encode())

    def tables(*options: str) -> list[str]:
        words = [*server.arguments(), "--format=plain", "--schema-only", "--no-owner", *options]
        command = [programs.path("pg_dump"), *(word.encode(codec) for word in words)]
        done = subprocess.run(command, env=server.environment(programs), capture_output=True, check=True)
        lines = done.stdout.decode(codec).replace("\n\\\\é", "\\\\é").split("\nCREATE TABLE ")[1:]
        return [line.partition(" (\n")[0] for line in lines]

    everything = tables()
    assert len(everything) == 2 * len(ODD)
    chosen = [tables("--strict-names", "--table=" + pattern(schema, name)) for name in ODD]
    assert [len(each) for each in chosen] == [1] * len(ODD)
    assert len({only for (only,) in chosen}) == len(ODD)
    assert {only for (only,) in chosen} <= set(everything)
    assert len(tables("--schema=" + pattern(schema))) == len(ODD)
    assert len(tables("--exclude-table=" + pattern("public", "a*"))) == len(everything) - 1
