"""What a drill says of a restored PostgreSQL database: all is well, or each thing by name that is not as captured."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from postgres.hard import build_hard, hash_partitions_by_enum
from postgres_scratch import Stage, on_stage, those_that
from postgres_vault import capture
from servers.postgres import PostgresServer, postgres_server

ROLES = (
    "CREATE ROLE owner CREATEDB",
    "CREATE ROLE clerk LOGIN PASSWORD 'one' CONNECTION LIMIT 3",
    "ALTER ROLE clerk SET work_mem = '7MB'",
    "COMMENT ON ROLE clerk IS 'writes'",
    "GRANT owner TO clerk WITH ADMIN OPTION",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("source"), 17) as server:
        yield server


@pytest.fixture(scope="module")
def stage(source: PostgresServer) -> Iterator[Stage]:
    hard = build_hard(source)
    hash_partitions_by_enum(hard)
    with on_stage(capture(hard, source.bin), source.bin) as restored:
        yield restored


@pytest.fixture(scope="module")
def roles(source: PostgresServer) -> Iterator[Stage]:
    """A small database with roles of its own."""
    source.execute(*ROLES)
    with on_stage(capture(source.create("small"), source.bin), source.bin) as restored:
        yield restored
    source.execute("DROP ROLE clerk", "DROP ROLE owner")


def test_a_hard_database_passes_every_check(stage: Stage) -> None:
    found = stage.prove()
    assert [check.outcome for check in found] == ["passed"] * len(found)
    assert [re.sub(r"\d+", "N", check.name) for check in found] == [
        "first query",
        "N schema objects",
        "N extensions",
        "rows of N tables",
        "N sequences",
        "large objects",
        "roles",
        "amcheck",
    ]
    assert all(check.expected and check.actual for check in found)
    assert stage.restored.untested == ()
    left = stage.engine.ask(
        stage.scratch.target, "SELECT count(*) FROM pg_extension WHERE extname = 'amcheck'", timedelta(seconds=5)
    )
    assert left == 0


@pytest.mark.parametrize("major", [14, 18])
def test_a_hard_database_of_the_oldest_and_the_newest_version_passes_every_check(
    major: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with postgres_server(tmp_path_factory.mktemp("source"), major) as server:
        source = build_hard(server)
        hash_partitions_by_enum(source)
        with on_stage(capture(source, server.bin), server.bin) as stage:
            assert stage.scratch.tools["PostgreSQL"].startswith(f"{major}.")
            assert those_that("passed", found := stage.prove()) == [check.name for check in found]


def test_a_newer_server_takes_an_older_backup_and_its_extensions_tell_their_versions(
    source: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with postgres_server(tmp_path_factory.mktemp("source"), 14) as server:
        point = capture(build_hard(server), server.bin)
    with on_stage(point, source.bin) as stage:
        found = stage.prove()
        assert stage.scratch.settings_that_differ["server_version"][0].startswith("14.")
    assert those_that("passed", found) == [check.name for check in found]
    versions = {check.name: (check.expected, check.actual) for check in found if check.name.startswith("extension ")}
    assert versions
    assert all(there != here for there, here in versions.values())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            ["UPDATE orders SET status = 'flipped' WHERE id = 7"],
            {"table public.orders": ("44808 rows with the sum ", "1 rows are lost or changed, 1 new or changed")},
        ),
        (
            ["DELETE FROM orders WHERE id = 7", "UPDATE watched SET note = 'y' WHERE id = 5"],
            {
                "table public.orders": ("44808 rows", "44807 rows: "),
                "table public.watched": ("with the sum", "1 new or changed"),
            },
        ),
        (["DROP TABLE hard_text CASCADE"], {"table public.hard_text": ("present", "missing")}),
        (["DROP INDEX i_hash"], {"index public.i_hash": ("present", "missing")}),
        (["SELECT nextval('downwards')"], {"sequence public.downwards": ("7 given out", "4 given out")}),
        (["SELECT lo_unlink(90002)"], {"large objects": ("5 of 3400049 bytes", "4 of ")}),
        (["DROP EXTENSION pg_trgm CASCADE"], {"extension pg_trgm": ("present", "missing")}),
        (["ALTER TABLE people ALTER department DROP NOT NULL"], {"table public.people": ("as captured", "changed")}),
    ],
)
def test_a_change_fails_a_check_of_its_own_with_both_values(
    changes: list[str], named: dict[str, tuple[str, str]], stage: Stage
) -> None:
    changed = stage.beside("changed")
    copy = ("DROP DATABASE IF EXISTS changed", "CREATE DATABASE changed TEMPLATE restored")
    stage.execute(*copy, target=stage.beside("postgres"))
    stage.execute(*(f"SET search_path = public; {change}" for change in changes), target=changed)
    failed = {check.name: check for check in stage.prove(changed) if check.outcome == "failed"}
    assert set(named) <= set(failed)
    for name, (expected, actual) in named.items():
        assert expected in failed[name].expected
        assert actual in failed[name].actual
        assert "id=" not in failed[name].actual  # evidence is stored in the clear


@pytest.mark.parametrize(
    ("change", "name", "expected", "actual"),
    [
        ("DROP ROLE clerk", "role clerk", "LOGIN CONNECTION LIMIT 3", "missing"),
        ("ALTER ROLE owner NOCREATEDB", "role owner", "CREATEDB", "no attributes"),
        ("REVOKE ADMIN OPTION FOR owner FROM clerk", "membership of clerk in owner", "ADMIN TRUE", "ADMIN FALSE"),
        ("REVOKE owner FROM clerk", "membership of clerk in owner", "ADMIN TRUE", "missing"),
        ("ALTER ROLE clerk RESET work_mem", 'setting "work_mem" of clerk', "set", "missing"),
        ("ALTER ROLE clerk SET work_mem = '8MB'", 'setting "work_mem" of clerk', "set", "not as captured"),
        ("ALTER ROLE clerk PASSWORD 'two'", "role clerk", "LOGIN CONNECTION LIMIT 3, as captured", "not as captured"),
        ("COMMENT ON ROLE clerk IS NULL", "comment on role clerk", "present", "missing"),
    ],
)
def test_a_role_that_is_not_as_captured_fails_a_check_of_its_own(
    change: str, name: str, expected: str, actual: str, roles: Stage
) -> None:
    roles.execute(change)
    try:
        failed = {check.name: check for check in roles.prove() if check.outcome == "failed"}
    finally:
        roles.execute("DROP ROLE IF EXISTS clerk", "DROP ROLE owner", target=roles.beside("postgres"))
        roles.execute(*ROLES, target=roles.beside("postgres"))
    assert expected in failed[name].expected
    assert actual in failed[name].actual
