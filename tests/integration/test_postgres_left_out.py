"""What is left out of a backup takes along what cannot be restored without it, or the backup is refused at once."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

import postgres_vault
from drkit.engines.postgres.division import Sizes
from drkit.errors import CaptureError
from postgres.compare import describe, differences
from postgres.hard import hash_partitions_by_enum
from servers.postgres import NamedServer

NUMBERS = count()


@pytest.fixture
def dsn(postgres: NamedServer) -> Iterator[str]:
    yield postgres.create(f"left_out_{next(NUMBERS)}")


def run(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def restored(server: NamedServer, point: postgres_vault.Point) -> str:
    target = server.dsn(f"restored_left_out_{next(NUMBERS)}")
    postgres_vault.restore(point, target, server.bin)
    return target


def relations(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|inf)'"
        )
        return sorted(name for (name,) in found)


def test_views_that_need_a_table_that_is_left_out_are_left_out_and_named(postgres: NamedServer, dsn: str) -> None:
    run(
        dsn,
        "CREATE TABLE gone (a int)",
        "CREATE TABLE stays (a int)",
        "CREATE VIEW over_gone AS SELECT a FROM gone",
        'CREATE MATERIALIZED VIEW "over that" AS SELECT a FROM over_gone',
        "CREATE VIEW over_stays AS SELECT a FROM stays",
    )
    point = postgres_vault.capture(dsn, postgres.bin, exclude_tables=("gone",))
    told = "views that need what is left out are left out too: public.over that, public.over_gone"
    assert told in point.captured.notes
    assert relations(restored(postgres, point)) == ["over_stays", "stays"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TABLE stays (a int REFERENCES gone)", "constraint stays_a_fkey on table public.stays"),
        ("CREATE TABLE stays (a gone)", "table public.stays"),
        ("CREATE TABLE stays (a int DEFAULT nextval('gone_b_seq'))", "default value"),
        ("CREATE FUNCTION f(gone) RETURNS int LANGUAGE sql AS 'SELECT 1'", r"function public.f\(public.gone\)"),
    ],
)
def test_what_else_needs_a_table_that_is_left_out_is_refused_by_name(
    postgres: NamedServer, dsn: str, statement: str, told: str
) -> None:
    run(dsn, "CREATE TABLE gone (a int PRIMARY KEY, b serial)", statement)
    with pytest.raises(CaptureError, match=told) as caught:
        postgres_vault.capture(dsn, postgres.bin, exclude_tables=("gone",))
    assert "exclude_data" in caught.value.hint
    assert postgres_vault.capture(dsn, postgres.bin, exclude_data=("gone",)).captured.pieces


def test_a_schema_without_what_it_refers_to_is_refused_or_loses_its_views(postgres: NamedServer, dsn: str) -> None:
    run(
        dsn,
        "CREATE SCHEMA shop",
        "CREATE TABLE base (a int PRIMARY KEY)",
        "CREATE TABLE shop.items (a int)",
        "CREATE VIEW shop.over_base AS SELECT a FROM base",
        "CREATE VIEW over_items AS SELECT a FROM shop.items",
    )
    point = postgres_vault.capture(dsn, postgres.bin, schemas=("shop",))
    assert relations(restored(postgres, point)) == ["items"]
    run(dsn, "ALTER TABLE shop.items ADD FOREIGN KEY (a) REFERENCES base")
    with pytest.raises(CaptureError, match="constraint items_a_fkey on table"):
        postgres_vault.capture(dsn, postgres.bin, schemas=("shop",))


def test_partitions_by_the_hash_of_an_enum_get_no_stream_and_come_back(postgres: NamedServer, dsn: str) -> None:
    hash_partitions_by_enum(dsn)
    point = postgres_vault.capture(dsn, postgres.bin, sizes=Sizes(1, 1 << 20))
    target = restored(postgres, point)
    told = differences(describe(dsn, postgres.bin), describe(target, postgres.bin))
    assert all("partition" in each or "rows" in each for each in told)
    assert postgres_vault.compare(point, target, postgres.bin).differences == ()
