"""Restores as a role that is no superuser, as managed servers give it out."""

from collections.abc import Iterator

import pytest

from postgres.hard import build_hard
from postgres_vault import capture, restore
from servers.postgres import PostgresServer, postgres_server

EXTENSIONS = ("btree_gist", "pg_trgm", "bloom", "file_fdw", "postgres_fdw", "pgcrypto", "hstore", "citext")
SHOP = """
CREATE EXTENSION hstore; COMMENT ON EXTENSION hstore IS 'ours';
CREATE TABLE orders (id integer PRIMARY KEY, note text, more public.hstore);
INSERT INTO orders SELECT n, 'order ' || n, public.hstore('n', n::text) FROM generate_series(1, 1000) AS n;
CREATE TABLE secrets (n integer); INSERT INTO secrets VALUES (1);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER seen ON sql_drop EXECUTE FUNCTION see();
COMMENT ON EVENT TRIGGER seen IS 'a remark';
CREATE PUBLICATION all_of_it FOR ALL TABLES;
CREATE PUBLICATION part FOR TABLE orders;
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("source")) as started:
        yield started


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """`tenant` may make databases and roles, and is no superuser."""
    with postgres_server(tmp_path_factory.mktemp("managed")) as started:
        started.execute("CREATE ROLE tenant LOGIN CREATEDB CREATEROLE PASSWORD 'tenant'")
        yield started


def as_tenant(server: PostgresServer, database: str) -> str:
    return server.dsn(database, "tenant", password="tenant")


def test_what_only_a_superuser_may_make_is_left_out_and_told(source: PostgresServer, managed: PostgresServer) -> None:
    dsn = source.create("shop")
    source.execute(SHOP, database="shop")
    point = capture(dsn, source.bin)
    restored = restore(point, as_tenant(managed, "shop"), managed.bin, no_owner=True, no_privileges=True)
    assert set(restored.notes) == {
        "left out: comment EXTENSION hstore, which tenant may not make",
        "left out: event trigger seen, which tenant may not make",
        "left out: comment EVENT TRIGGER seen, which tenant may not make",
        "left out: publication all_of_it, which tenant may not make",
        "the rows of public.secrets were not compared: row security hides some of them from this role",
    }
    assert not restored.verified
    assert managed.query("SELECT count(*) FROM orders", database="shop") == [(1000,)]
    assert managed.query("SELECT n FROM secrets", database="shop") == [(1,)]
    assert managed.query("SELECT pubname FROM pg_publication", database="shop") == [("part",)]


def test_the_hard_database_comes_back_where_an_administrator_has_made_its_extensions(
    source: PostgresServer, managed: PostgresServer
) -> None:
    point = capture(build_hard(source), source.bin)
    managed.execute("CREATE DATABASE prepared OWNER tenant", "GRANT pg_read_server_files TO tenant")
    managed.execute("CREATE SCHEMA extensions AUTHORIZATION tenant", database="prepared")
    for name in EXTENSIONS:
        schema = "extensions" if name in ("hstore", "citext") else "public"
        managed.execute(f"CREATE EXTENSION {name} SCHEMA {schema}", database="prepared")  # type: ignore[arg-type]
    managed.execute("GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw, postgres_fdw TO tenant", database="prepared")
    restored = restore(point, as_tenant(managed, "prepared"), managed.bin, no_owner=True, no_privileges=True)
    assert "schema extensions is there already and stays as it is" in restored.notes
    assert managed.query("SELECT count(*) FROM public.orders", database="prepared") == source.query(
        "SELECT count(*) FROM public.orders", database="hard"
    )
