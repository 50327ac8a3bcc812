"""`drkit check` for PostgreSQL: what would keep a capture from going well is told before, and by name."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drkit.engines.postgres import DumpOptions, PostgresEngine
from drkit.model import Finding
from postgres_vault import capture
from servers.pgbouncer import pgbouncer
from servers.postgres import PostgresServer, postgres_server

SETUP = (
    "CREATE SCHEMA closed",
    "CREATE TABLE closed.t (n int)",
    "CREATE TABLE open_one (n int)",
    "CREATE TABLE payroll (n serial)",
    "CREATE TABLE rowwise (n int)",
    "ALTER TABLE rowwise ENABLE ROW LEVEL SECURITY",
    "SELECT lo_from_bytea(4711, 'x')",
    "GRANT SELECT ON open_one, rowwise, closed.t TO reader",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("findings"), settings={"max_connections": "20"}) as started:
        dsn = started.create("shop")
        started.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in SETUP:
                connection.execute(statement)
        yield started


def findings(server: PostgresServer, dsn: str, ahead: timedelta = timedelta(0), **options: Any) -> dict[str, Finding]:
    chosen = DumpOptions(**{"jobs": 2, "programs": server.bin, **options})
    engine = PostgresEngine(lambda: dsn, chosen, clock=lambda: datetime.now(UTC) - ahead)
    return {finding.check: finding for finding in engine.check()}


def failed(found: dict[str, Finding]) -> set[str]:
    assert all(finding.hint for finding in found.values() if not finding.passed)
    return {check for check, finding in found.items() if not finding.passed}


def reader(server: PostgresServer) -> str:
    return server.dsn("shop", "reader", password="reader")


def test_a_superuser_lacks_nothing(server: PostgresServer) -> None:
    found = findings(server, server.dsn("shop"))
    assert failed(found) == set()
    assert found["roles"].detail == "they are captured with their passwords"
    assert found.keys() >= {"server", "programs", "clock", "connections", "tables may be read"}


def test_what_a_role_may_not_read_is_named(server: PostgresServer) -> None:
    found = findings(server, reader(server))
    assert {check: found[check].detail for check in failed(found)} == {
        "schemas may be used": "not these: closed",
        "tables may be read": "not these: public.payroll",
        "sequences may be read": "not these: public.payroll_n_seq",
        "large objects may be read": "not these: 4711",
        "row security lets all rows pass": "not these: public.rowwise",
    }
    assert "without their passwords" in found["roles"].detail


def test_a_role_of_which_nothing_is_told_can_capture(server: PostgresServer) -> None:
    """What is left out need not be readable."""
    server.execute("ALTER LARGE OBJECT 4711 OWNER TO reader", database="shop")
    options = {"exclude_tables": ("payroll", "rowwise", "closed.*")}
    assert failed(findings(server, reader(server), **options)) == set()
    capture(reader(server), server.bin, **options)
    server.execute("ALTER LARGE OBJECT 4711 OWNER TO postgres", database="shop")


def test_a_schema_that_is_not_there_is_told(server: PostgresServer) -> None:
    found = findings(server, server.dsn("shop"), schemas=("shopp",))
    assert failed(found) == {"schemas"}
    assert "no schema matches 'shopp'" in found["schemas"].detail


def test_only_the_chosen_schemas_are_looked_at(server: PostgresServer) -> None:
    found = findings(server, reader(server), schemas=("closed",))
    assert failed(found) == {"schemas may be used", "large objects may be read"}


def test_a_clock_that_is_off_is_told_with_its_side(server: PostgresServer) -> None:
    for ahead, words in (
        (timedelta(minutes=5), "300.0 s ahead of ours"),
        (-timedelta(minutes=5), "300.0 s behind ours"),
    ):
        found = findings(server, server.dsn("shop"), ahead)
        assert failed(found) == {"clock"}
        assert words in found["clock"].detail


def test_a_lack_of_connections_is_told(server: PostgresServer) -> None:
    found = findings(server, server.dsn("shop"), jobs=40)
    assert failed(found) == {"connections"}
    assert "takes up to 41 at once" in found["connections"].detail


def test_missing_programs_are_told_and_the_rest_is_looked_at_all_the_same(
    server: PostgresServer, tmp_path: Path
) -> None:
    found = findings(server, server.dsn("shop"), programs=tmp_path)
    assert failed(found) == {"programs"}
    assert "tables may be read" in found


def test_a_pooler_and_a_wrong_password_are_told_instead_of_everything_else(
    server: PostgresServer, tmp_path: Path
) -> None:
    with pgbouncer(tmp_path, server) as port:
        pooled = findings(server, server.dsn("shop", port=str(port)))
    assert (len(pooled), failed(pooled)) == (1, {"server"})
    assert "behind a pooler" in pooled["server"].detail
    refused = findings(server, server.dsn("shop", password="guessed"))
    assert (len(refused), failed(refused)) == (1, {"server"})
    assert "guessed" not in f"{refused}"
