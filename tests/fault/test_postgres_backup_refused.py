"""What keeps a capture from beginning: exit code 4, the reason in words of our own, and no point; and no secret."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fault_system import contents
from postgres_system import System, error_in, fill, make_system
from processes import living
from servers.certificates import Certificates, make_ca_and_server
from servers.pgbouncer import pgbouncer
from servers.postgres import PostgresServer, postgres_server

SENTINEL = "Sentinel-7f3a9c!"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_ca_and_server(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[PostgresServer]:
    settings = {"max_connections": "20", "superuser_reserved_connections": "3"}
    with postgres_server(tmp_path_factory.mktemp("faults"), settings=settings, tls=certificates) as started:
        fill(started.create("shop"))
        started.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SENTINEL}'")  # type: ignore[arg-type]
        started.execute(
            "GRANT SELECT ON medium, large TO reader",
            "CREATE TABLE payroll AS SELECT 1 AS amount",
            "CREATE TABLE rowwise AS SELECT 1 AS one",
            database="shop",
        )
        yield started


@pytest.fixture
def system(server: PostgresServer, tmp_path: Path) -> System:
    return make_system(tmp_path / "system", server, "shop")


def refused(system: System, **options: str) -> str:
    """The error of a run as `reader`."""
    done = system.back_up(DATABASE_URL=system.server.dsn("shop", "reader", **{"password": SENTINEL, **options}))
    assert done.code == 4, done
    assert SENTINEL not in done.err + done.out
    assert system.points() == []
    error = error_in(done.err)
    assert not error.endswith("| ")
    return error


def test_a_wrong_password(system: System) -> None:
    assert "does not accept the user or the password" in refused(system, password="Wrong-" + SENTINEL)


def test_a_database_that_is_not_there(system: System) -> None:
    done = system.back_up(DATABASE_URL=system.server.dsn("nothing"))
    assert (done.code, system.points()) == (4, [])
    assert "the server has no such database" in error_in(done.err)


def test_a_table_that_may_not_be_read_is_named_and_can_be_left_out(system: System) -> None:
    assert "payroll" in refused(system)
    system.configure('exclude_tables = ["payroll", "rowwise"]')
    done = system.back_up(DATABASE_URL=system.server.dsn("shop", "reader", password=SENTINEL))
    assert done.code == 0, done


def test_rows_that_row_security_hides_are_never_left_out_in_silence(system: System) -> None:
    system.configure('exclude_tables = ["payroll"]')
    system.server.execute(
        "GRANT SELECT ON rowwise TO reader",
        "ALTER TABLE rowwise ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY high ON rowwise FOR SELECT USING (one > 5)",
        database="shop",
    )
    error = refused(system)
    system.server.execute("ALTER TABLE rowwise DISABLE ROW LEVEL SECURITY", database="shop")
    assert "rowwise" in error
    assert "BYPASSRLS" in error


def test_a_lock_that_is_held_too_long_is_named_with_its_holder(system: System) -> None:
    system.configure('lock_timeout = "1s"')
    with psycopg.connect(system.server.dsn("shop"), application_name="migration") as other:
        other.execute("LOCK TABLE medium")
        done = system.back_up()
        pid = other.info.backend_pid
    assert (done.code, system.points()) == (4, [])
    assert f"public.medium is locked by migration as postgres (process {pid})" in error_in(done.err)
    assert "lock_timeout" in error_in(done.err)
    assert system.back_up().code == 0


def test_a_lock_on_what_only_pg_dump_reads_is_named_too(system: System) -> None:
    system.server.execute("CREATE TABLE parent (n int) PARTITION BY LIST (n)", database="shop")
    system.configure('lock_timeout = "1s"')
    with psycopg.connect(system.server.dsn("shop"), application_name="migration") as other:
        other.execute("LOCK TABLE ONLY parent")
        done = system.back_up()
    system.server.execute("DROP TABLE parent", database="shop")
    assert (done.code, system.points()) == (4, [])
    assert "public.parent is locked by migration" in error_in(done.err)


def test_no_programs_of_that_version(system: System, tmp_path: Path) -> None:
    system.configure(programs=tmp_path)
    done = system.back_up()
    assert (done.code, system.points()) == (4, [])
    assert f"postgresql-client-{system.server.major}" in error_in(done.err)


def test_a_pooler(system: System, tmp_path: Path) -> None:
    with pgbouncer(tmp_path, system.server) as port:
        done = system.back_up(DATABASE_URL=system.server.dsn("shop", port=str(port)))
    assert (done.code, system.points()) == (4, [])
    assert "is behind a pooler" in error_in(done.err)


def test_no_connection_left_at_the_first_or_at_a_later_session(system: System) -> None:
    """17 are for everybody; the last ones are taken one by one, so that the first session or a child gets none."""
    system.configure('exclude_tables = ["payroll", "rowwise"]')
    dsn = system.server.dsn("shop", "reader", password=SENTINEL)
    held: list[psycopg.Connection] = []
    try:
        held += [psycopg.connect(dsn) for _ in range(15)]
        for _ in range(2):
            held.append(psycopg.connect(dsn))
            assert "has no connection left" in refused(system)
    finally:
        for connection in held:
            connection.close()
    assert system.back_up(DATABASE_URL=dsn).code == 0


def test_a_certificate_of_another_authority(system: System, tmp_path: Path) -> None:
    other = make_ca_and_server(tmp_path)
    error = refused(system, sslmode="verify-full", sslrootcert=str(other.ca))
    assert "a certificate that cannot be verified" in error


def test_children_connect_by_the_same_certificate(system: System, certificates: Certificates) -> None:
    system.configure('exclude_tables = ["payroll", "rowwise"]')
    options = {"sslmode": "verify-full", "sslrootcert": str(certificates.ca)}
    assert system.back_up(DATABASE_URL=system.server.dsn("shop", **options)).code == 0


def test_the_password_is_in_no_argument_no_output_and_no_clear_part_of_what_is_stored(system: System) -> None:
    system.configure('rate_limit = "6MB"\nexclude_tables = ["payroll", "rowwise"]')
    dsn = system.server.dsn("shop", "reader", password=SENTINEL)
    seen = set()
    with system.drkit.running("-v", "backup", "now", DATABASE_URL=dsn) as child:
        while child.poll() is None:
            seen |= {tuple(process.words) for process in living()}
            system.sessions()
        out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert {words[0].rpartition("/")[2] for words in seen if words} >= {"pg_dump", "psql"}
    secret = SENTINEL.encode()
    assert not [words for words in seen if SENTINEL in " ".join(words)]
    assert SENTINEL not in out + err
    assert not [name for name, body in contents(system.folder).items() if secret in body]
