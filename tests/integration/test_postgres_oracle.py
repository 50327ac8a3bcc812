"""What PostgreSQL restores are measured against: the hard database, and a comparison that knows nothing of drkit."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postgres.compare import Description, describe, describe_database, differences
from postgres.extension import offer_extension
from postgres.hard import ROLES, big_table, build_hard, hash_partitions_by_enum, latin1_database, many_tables
from postgres.programs import MAJORS
from postgres.traffic import writes_and_ddl
from servers.postgres import NamedServer, PostgresServer, postgres_server

UTF8 = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"
LATIN1 = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"


def copy_by_hand(source: str, target: str, server: NamedServer) -> None:
    """As everybody does it, with the programs of the newer side."""
    dump = [server.bin / "pg_dump", "-Fc", "-Z0", "-d", source]
    with subprocess.Popen(dump, stdout=subprocess.PIPE, env=server.environment()) as child:
        restore = [server.bin / "pg_restore", "--exit-on-error", "-d", target]
        done = subprocess.run(restore, stdin=child.stdout, capture_output=True, env=server.environment(), timeout=120)
    assert (child.returncode, done.returncode) == (0, 0), done.stderr.decode()


@pytest.mark.parametrize("major", [None, *MAJORS])
def test_the_hard_database_comes_back_the_same_from_pg_dump(major: int | None, tmp_path: Path) -> None:
    with postgres_server(tmp_path, major) as server:
        source = build_hard(server)
        hash_partitions_by_enum(source)
        target = server.create("copy", UTF8)
        copy_by_hand(source, target, server)
        before = describe(source, server.bin)
        assert not differences(before, describe(target, server.bin))
        assert before["role"].keys() >= set(ROLES)
        assert all(before.values())


def test_only_views_and_versions_of_extensions_read_otherwise_on_a_newer_server(tmp_path: Path) -> None:
    with postgres_server(tmp_path, 14) as old, postgres_server(tmp_path, 18) as new:
        source = build_hard(old)
        hash_partitions_by_enum(source)
        dump_roles = [new.bin / "pg_dumpall", "--roles-only", "-d", old.dsn()]
        roles = subprocess.run(dump_roles, capture_output=True, env=new.environment(), check=True, timeout=60).stdout
        others = b"\n".join(line for line in roles.splitlines() if b" ROLE postgres" not in line)
        psql = [new.bin / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", new.dsn()]
        subprocess.run(psql, input=others, capture_output=True, env=new.environment(), check=True, timeout=60)
        offer_extension(new)
        target = new.create("hard", UTF8)
        copy_by_hand(source, target, new)
        found = differences(describe(source, new.bin), describe(target, new.bin))
    allowed = ("schema VIEW ", "schema MATERIALIZED VIEW ", "extension ")
    assert [each for each in found if not each.startswith(allowed)] == []


def test_a_latin1_database_comes_back_the_same_from_pg_dump(postgres: NamedServer) -> None:
    source, target = latin1_database(postgres, "latin1 source"), postgres.create("latin1 target", LATIN1)
    copy_by_hand(source, target, postgres)
    before = describe(source, postgres.bin)
    assert not differences(before, describe(target, postgres.bin))
    assert '"Größe"."mañana ÿ"' in before["table"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Its roles may be changed: nobody else sees it."""
    with postgres_server(tmp_path_factory.mktemp("oracle")) as started:
        yield started


@pytest.fixture(scope="module")
def hard(server: PostgresServer) -> str:
    return build_hard(server)


@pytest.fixture(scope="module")
def seen(server: PostgresServer, hard: str) -> list[Description]:
    """One description after each change, so that none has to be made twice."""
    return [describe(hard, server.bin)]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE orders SET amount = amount + 0.01 WHERE id = 4", "table public.orders: "),
        ("UPDATE toasted SET raw = set_byte(raw, 70000, 7) WHERE id = 100", "table public.toasted: "),
        ("INSERT INTO zero_columns DEFAULT VALUES", "table public.zero_columns: "),
        ("UPDATE every_type SET double = 0 WHERE double = 0", "table public.every_type: "),
        ("SELECT nextval('downwards')", "sequence public.downwards: "),
        ("SELECT lo_put(90003, 100000, 'x')", "large object 90003: "),
        ("REFRESH MATERIALIZED VIEW never_filled", "table public.never_filled: "),
        ("ALTER TABLE people ALTER department DROP NOT NULL", "schema TABLE public.people, owner postgres: "),
        ("DROP INDEX i_hash", "schema INDEX public.i_hash, owner postgres: "),
        (
            "REVOKE UPDATE (open) ON vault.secrets FROM hard_reader",
            "schema ACL vault.COLUMN secrets.open, owner hard owner",
        ),
        ("ALTER TABLE vault.secrets NO FORCE ROW LEVEL SECURITY", "schema TABLE vault.secrets, owner hard owner: "),
        ("ALTER EXTENSION hstore SET SCHEMA public", "extension hstore: "),
        ("ALTER ROLE hard_reader PASSWORD 'another'", "role hard_reader: "),
        ("REVOKE hard_staff FROM hard_reader", "role hard_reader: "),
    ],
)
def test_one_change_is_seen_and_named(
    server: PostgresServer, hard: str, seen: list[Description], change: str, named: str
) -> None:
    server.execute("SET search_path = public", change, database="hard")
    seen.append(describe(hard, server.bin))
    found = differences(seen[-2], seen[-1])
    assert any(each.startswith(named) for each in found), found
    assert len(found) == 1 or named.startswith("extension"), found


def test_a_setting_of_the_database_is_seen(server: PostgresServer, hard: str) -> None:
    before = describe_database(hard)
    server.execute("ALTER DATABASE hard RESET array_nulls")
    assert len(differences(before, describe_database(hard))) == 1


def test_the_hard_database_has_tables_and_partitions_above_20_mib_and_dead_rows(
    server: PostgresServer, hard: str
) -> None:
    sizes = "SELECT relname FROM pg_class WHERE pg_relation_size(oid) > 20 << 20 AND relkind = 'r' ORDER BY 1"
    assert server.query(sizes, database="hard") == [("events_2025",), ("orders",)]
    # an updated row stands behind ones that are younger
    moved = "SELECT count(*) > 1000 FROM (SELECT id < lag(id) OVER (ORDER BY ctid) FROM orders) AS o (back) WHERE back"
    assert server.query(moved, database="hard") == [(True,)]


def test_many_tables_and_a_big_one_are_as_many_and_as_big_as_asked(postgres: NamedServer) -> None:
    dsn = postgres.create("sized")
    many_tables(dsn, 250)
    big_table(dsn, 1 / 32)
    assert postgres.query(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'many%' AND relkind = 'r'", database="sized"
    ) == [(250,)]
    assert postgres.query("SELECT pg_relation_size('big') >= 1 << 25", database="sized") == [(True,)]


def test_rows_come_while_somebody_holds_a_lock_and_ddl_follows_when_it_is_gone(postgres: NamedServer) -> None:
    dsn = postgres.create("busy")
    with writes_and_ddl(dsn) as traffic, psycopg.connect(dsn) as reader:
        reader.execute("LOCK traffic, traffic_emptied IN ACCESS SHARE MODE")
        traffic.wait_for_a_lock()
        held = traffic.rounds
        assert postgres.query("SELECT count(*) > 0 FROM traffic WHERE note = 'waiting'", database="busy") == [(True,)]
        reader.rollback()
        traffic.wait_for(2)
        assert traffic.rounds >= held + 2
