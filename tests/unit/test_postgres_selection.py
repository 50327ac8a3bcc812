"""Single tables out of a backup: what is chosen with them, and that a real pg_restore makes them of it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from drkit.engines.postgres.archive import open_archive
from drkit.engines.postgres.archive_head import Contents
from drkit.engines.postgres.selection import Selection, list_file, select
from drkit.errors import UsageError
from postgres.programs import MAJORS, find_programs, program_environment
from servers.postgres import PostgresServer, postgres_server

SHOP = """
CREATE SCHEMA sales;
CREATE SCHEMA tools;
CREATE TYPE sales.state AS ENUM ('new', 'paid');
CREATE DOMAIN sales.amount AS numeric CHECK (VALUE >= 0);
CREATE FUNCTION tools.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION tools.tax(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 0.21';
CREATE FUNCTION tools.unrelated() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SEQUENCE sales.number START 1000;
CREATE TABLE sales.customers (id serial PRIMARY KEY, name text);
CREATE TABLE sales.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number bigint NOT NULL DEFAULT nextval('sales.number'),
    customer int NOT NULL REFERENCES sales.customers,
    parent bigint REFERENCES sales.orders,
    state sales.state NOT NULL DEFAULT 'new',
    total sales.amount,
    tax numeric GENERATED ALWAYS AS (tools.tax(total)) STORED
);
CREATE INDEX orders_state ON sales.orders (state);
CREATE STATISTICS sales.order_stats ON customer, state FROM sales.orders;
CREATE TRIGGER stamp BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION tools.stamp();
CREATE RULE no_delete AS ON DELETE TO sales.orders DO INSTEAD NOTHING;
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY paid ON sales.orders USING (state = 'paid');
COMMENT ON COLUMN sales.orders.total IS 'in euros';
COMMENT ON INDEX sales.orders_state IS 'for the list';
GRANT SELECT ON sales.orders TO PUBLIC;
CREATE VIEW sales.open AS SELECT * FROM sales.orders WHERE state = 'new';
CREATE RULE open_insert AS ON INSERT TO sales.open DO INSTEAD INSERT INTO sales.orders (customer) VALUES (NEW.customer);
CREATE TABLE sales.events (id bigint, at date, of_order bigint REFERENCES sales.orders, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
CREATE TABLE sales.spring PARTITION OF sales.events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')
    PARTITION BY HASH (id);
CREATE TABLE sales.spring_0 PARTITION OF sales.spring FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE sales.autumn PARTITION OF sales.events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
CREATE INDEX events_order ON sales.events (of_order);
CREATE TABLE sales.guests (id int DEFAULT nextval('sales.customers_id_seq'));
CREATE TABLE public.animal (name text);
CREATE TABLE public.dog (breed text) INHERITS (public.animal);
CREATE TABLE public.orders (id int);
CREATE TABLE public."orders x" (id int PRIMARY KEY);
CREATE TABLE public."Odd.""Name" (id int);
INSERT INTO sales.customers (name) VALUES ('Ada'), ('Bo');
INSERT INTO sales.orders (customer, parent, total) VALUES (1, NULL, 10), (2, 1, 20);
INSERT INTO sales.events SELECT i, '2026-01-01'::date + i, 1 FROM generate_series(1, 300) i;
INSERT INTO public.dog VALUES ('Rex', 'spaniel');
INSERT INTO public.animal VALUES ('Tom');
INSERT INTO public."Odd.""Name" VALUES (1);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The oldest, for every version of pg_dump reads it."""
    with postgres_server(tmp_path_factory.mktemp("postgres"), MAJORS[0]) as started:
        started.create("shop")
        with psycopg.connect(started.dsn("shop"), autocommit=True) as connection:
            connection.execute(SHOP)
        yield started


@pytest.fixture(scope="module")
def archive(server: PostgresServer) -> bytes:
    return dump(server, MAJORS[0])


@pytest.fixture(scope="module")
def contents(archive: bytes) -> Contents:
    return open_archive(iter([archive]))[0]


def dump(server: PostgresServer, major: int, database: str = "shop") -> bytes:
    folder = find_programs(major)
    command = [folder / "pg_dump", "-Fc", "-Z0", "-d", server.dsn(database)]
    environment = program_environment(folder, PGPASSWORD=server.password)
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def restore(server: PostgresServer, archive: bytes, selection: Selection, folder: Path) -> str:
    (folder / "list").write_bytes(list_file(selection.entries))
    database = f"copy_{folder.name}"
    target = server.create(database)
    command = [server.bin / "pg_restore", "--exit-on-error", "--use-list", folder / "list", "-d", target]
    subprocess.run(command, env=server.environment(), input=archive, capture_output=True, check=True)
    return database


def names(selection: Selection) -> set[tuple[str, str]]:
    return {(each.kind, each.name) for each in selection.entries}


def test_a_table_is_restored_whole_with_all_it_needs_and_nothing_else(
    server: PostgresServer, archive: bytes, contents: Contents, tmp_path: Path
) -> None:
    selection = select(contents, ["sales.orders"])
    assert selection.tables == {("sales", "orders")}
    copy = restore(server, archive, selection, tmp_path)
    again = open_archive(iter([dump(server, MAJORS[0], copy)]))[0]
    database = {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE"}
    restored = {(each.kind, each.name) for each in again.entries if each.kind not in database}
    assert restored == names(selection)
    assert restored == {
        *(("SCHEMA", "sales"), ("SCHEMA", "tools"), ("TYPE", "state"), ("DOMAIN", "amount")),
        *(("FUNCTION", "stamp()"), ("FUNCTION", "tax(numeric)")),
        *(("TABLE", "orders"), ("TABLE DATA", "orders"), ("ACL", "TABLE orders"), ("COMMENT", "COLUMN orders.total")),
        *(("SEQUENCE", "number"), ("SEQUENCE SET", "number")),
        *(("SEQUENCE", "orders_id_seq"), ("SEQUENCE SET", "orders_id_seq")),
        *(("CONSTRAINT", "orders orders_pkey"), ("FK CONSTRAINT", "orders orders_parent_fkey")),
        *(("INDEX", "orders_state"), ("COMMENT", "INDEX orders_state"), ("STATISTICS", "order_stats")),
        *(("TRIGGER", "orders stamp"), ("RULE", "orders no_delete")),
        *(("POLICY", "orders paid"), ("ROW SECURITY", "orders")),
    }
    assert server.query("SELECT count(*), max(number) FROM sales.orders", database=copy) == [(2, 1001)]
    assert server.query("SELECT nextval('sales.number')", database=copy) == [(1002,)]


def test_a_foreign_key_to_a_table_that_is_not_chosen_is_left_out_and_said(contents: Contents) -> None:
    assert select(contents, ["sales.orders"]).notes == (
        "the foreign key orders_customer_fkey of sales.orders is left out: sales.customers is not chosen",
    )


def test_tables_chosen_together_keep_their_foreign_key_and_a_sequence_its_owner(contents: Contents) -> None:
    selection = select(contents, ["sales.orders", "customers"])
    assert {("FK CONSTRAINT", "orders orders_customer_fkey"), ("SEQUENCE OWNED BY", "customers_id_seq")} <= (
        names(selection)
    )
    assert ("DEFAULT", "customers id") in names(selection)
    assert selection.notes == ()


def test_a_partitioned_table_comes_with_its_partitions_of_partitions(
    server: PostgresServer, archive: bytes, contents: Contents, tmp_path: Path
) -> None:
    selection = select(contents, ["events"])
    assert selection.tables == {("sales", name) for name in ("events", "spring", "spring_0", "autumn")}
    copy = restore(server, archive, selection, tmp_path)
    assert server.query("SELECT count(*) FROM sales.events", database=copy) == [(300,)]
    whole = "SELECT count(*) FROM pg_inherits i JOIN pg_index x ON x.indexrelid = i.inhrelid WHERE x.indisvalid"
    assert server.query(whole, database=copy) == [(6,)]


def test_a_partition_alone_becomes_a_table_of_its_own(
    server: PostgresServer, archive: bytes, contents: Contents, tmp_path: Path
) -> None:
    selection = select(contents, ["spring_0"])
    copy = restore(server, archive, selection, tmp_path)
    assert server.query("SELECT count(*), to_regclass('sales.spring') FROM sales.spring_0", database=copy) == [
        (180, None)
    ]
    assert selection.notes == (
        "sales.spring_0 becomes a table of its own: sales.spring, which it is a partition of, is not chosen",
    )


def test_a_sequence_of_another_table_comes_without_that_table(
    server: PostgresServer, archive: bytes, contents: Contents, tmp_path: Path
) -> None:
    selection = select(contents, ["guests"])
    copy = restore(server, archive, selection, tmp_path)
    assert server.query("SELECT nextval('sales.customers_id_seq')", database=copy) == [(3,)]
    assert {("TABLE", "customers"), ("SEQUENCE OWNED BY", "customers_id_seq")}.isdisjoint(names(selection))


def test_a_table_that_is_only_needed_stays_empty(
    server: PostgresServer, archive: bytes, contents: Contents, tmp_path: Path
) -> None:
    selection = select(contents, ["dog"])
    assert selection.tables == {("public", "dog")}
    copy = restore(server, archive, selection, tmp_path)
    assert server.query("SELECT name FROM public.animal", database=copy) == [("Rex",)]
    assert selection.notes == ("public.animal is created without rows: the table dog needs it",)


@pytest.mark.parametrize("major", MAJORS[1:])
def test_every_version_of_pg_dump_leads_to_the_same_choice(
    server: PostgresServer, contents: Contents, major: int
) -> None:
    other = open_archive(iter([dump(server, major)]))[0]
    for wanted in (["sales.orders"], ["events"], ["spring"], ["dog"], ["customers", "sales.orders", "events"]):
        one, another = select(contents, wanted), select(other, wanted)
        # since 15 pg_dump says so where the schema public is as it was up to 14
        assert names(one) == names(another) - {("SCHEMA", "public"), ("ACL", "SCHEMA public")}
        assert (one.tables, sorted(one.notes)) == (another.tables, sorted(another.notes))


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("customers", ("sales", "customers")),
        ("SALES.Customers", ("sales", "customers")),
        ('"sales"."customers"', ("sales", "customers")),
        ("orders x", ("public", "orders x")),
        ('public."orders x"', ("public", "orders x")),
        ('"Odd.""Name"', ("public", 'Odd."Name')),
        ('Odd."Name', ("public", 'Odd."Name')),
    ],
)
def test_a_table_may_be_named_as_in_sql_or_as_it_is(contents: Contents, text: str, table: tuple[str, str]) -> None:
    assert select(contents, [text]).tables == {table}


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("orders", "has 2 tables called orders", "public.orders, sales.orders"),
        ("sales.ordrs", "no table called sales.ordrs", "it has sales.orders"),
        ("ordrs", "no table called ordrs", "sales.orders"),
        ("zzz", "no table called zzz", "and others"),
        ('"Customers"', "no table called", "sales.customers"),
        ("open", "open is a view", "the tables that it reads"),
    ],
)
def test_a_name_that_fits_no_table_or_several_is_refused_with_those_it_may_mean(
    contents: Contents, text: str, words: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        select(contents, [text])
    assert hint in refused.value.hint
