"""pg_dump's archives as real servers and programs of each version write them."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from drkit.engines.postgres.archive import ArchiveReader, open_archive, table_rows
from drkit.engines.postgres.digest import LargeObjectDigest
from drkit.errors import CaptureError
from drkit.model import Digest
from drkit.ports import Chunks
from postgres.programs import MAJORS
from servers.postgres import PostgresServer, postgres_server

SCHEMA = (
    "CREATE TABLE city (id int PRIMARY KEY, name text NOT NULL)",
    "CREATE INDEX city_name ON city (name)",
    r"INSERT INTO city SELECT i, E'tab\t line\n \\. ' || repeat('x', i % 50) FROM generate_series(1, 5000) i",
    "UPDATE city SET name = name || '!' WHERE id % 3 = 0",
    "CREATE TABLE house (id serial PRIMARY KEY, city int NOT NULL REFERENCES city)",
    "INSERT INTO house (city) SELECT id FROM city WHERE id < 100",
    "CREATE TABLE nothing ()",
    "INSERT INTO nothing SELECT FROM generate_series(1, 3)",
    "CREATE TABLE empty (id int)",
    "CREATE TABLE wide (text text)",
    "INSERT INTO wide VALUES (repeat('w', 3000000)), ('narrow')",
    "CREATE SEQUENCE untouched START 7",
    'CREATE SEQUENCE "under, 5, true);" MINVALUE -9',
    "SELECT setval('\"under, 5, true);\"', -4, false)",
    "SELECT lo_from_bytea(4000000000, 'small'), lo_from_bytea(77, repeat('0123456789', 20000)::bytea), lo_create(78)",
    "COMMENT ON LARGE OBJECT 77 IS 'digits'",
    "CREATE VIEW houses AS SELECT count(*) FROM house",
    "CREATE MATERIALIZED VIEW cities AS SELECT count(*) FROM city",
)
TABLES = [("public", name) for name in ("city", "empty", "house", "nothing", "wide")]


@pytest.fixture(scope="module", params=MAJORS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres"), request.param) as started:
        started.create("town")
        with psycopg.connect(started.dsn("town"), autocommit=True) as connection:
            for statement in SCHEMA:
                connection.execute(statement)  # type: ignore[arg-type]
        yield started


@pytest.fixture(scope="module")
def archive(server: PostgresServer) -> bytes:
    return dump(server, "town")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """For what does not depend on the version."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as started:
        yield started


@pytest.fixture(scope="module")
def small(old: PostgresServer) -> bytes:
    old.create("hamlet")
    old.execute(
        "CREATE TABLE a (id int, note text)",
        "INSERT INTO a VALUES (1, 'one'), (2, NULL), (3, repeat('long ', 100))",
        "CREATE TABLE b (id int)",
        "SELECT lo_from_bytea(5, 'large'), lo_from_bytea(6, '')",
        database="hamlet",
    )
    return dump(old, "hamlet")


def dump(server: PostgresServer, database: str, *options: str) -> bytes:
    command = [server.bin / "pg_dump", "-Fc", "-Z0", *options, "-d", server.dsn(database)]
    return subprocess.run(command, env=server.environment(), capture_output=True, check=True).stdout


def pieces(archive: bytes, size: int) -> Chunks:
    return (archive[start : start + size] for start in range(0, len(archive), size))


def read(archive: bytes, size: int, reader: ArchiveReader) -> ArchiveReader:
    assert b"".join(reader.watch(pieces(archive, size))) == archive
    return reader


def copied(server: PostgresServer, table: str) -> bytes:
    with psycopg.connect(server.dsn("town")) as connection, connection.cursor() as cursor:
        connection.execute("SET synchronize_seqscans = off")
        with cursor.copy(f"COPY {table} TO STDOUT") as copy:  # type: ignore[arg-type]
            return b"".join(bytes(part) for part in copy)


@pytest.mark.parametrize("size", [1 << 20, 1000])
def test_each_table_has_the_digest_of_its_copy_text(server: PostgresServer, archive: bytes, size: int) -> None:
    found = read(archive, size, ArchiveReader()).tables
    assert sorted(found) == TABLES
    for (schema, name), digest in found.items():
        text = copied(server, f"{schema}.{name}")
        assert (digest.rows, digest.size) == (text.count(b"\n"), len(text))
        assert digest.sha256 == hashlib.sha256(text).hexdigest()
    assert found["public", "nothing"].rows == 3
    assert found["public", "empty"].rows == 0


def test_large_objects_have_the_digest_that_reading_them_from_the_server_gives(
    server: PostgresServer, archive: bytes
) -> None:
    direct = LargeObjectDigest()
    for oid, content in server.query("SELECT oid::int8, lo_get(oid) FROM pg_largeobject_metadata", database="town"):
        direct.add(oid, Digest(hashlib.sha256(content).hexdigest(), len(content)))
    found = read(archive, 1 << 16, ArchiveReader()).large_objects
    assert (found.count, found.size) == (3, 200_005)
    assert found == direct.value()


def test_the_contents_name_versions_entries_and_what_they_need(server: PostgresServer, archive: bytes) -> None:
    contents, head, whole = open_archive(pieces(archive, 777))
    assert b"".join(whole) == archive
    assert head == archive[: contents.size]
    assert contents.server_version.startswith(str(server.major))
    assert contents.dump_version.startswith(str(server.major))
    entries = {(each.kind, each.name): each for each in contents.entries}
    table, data, key = entries["TABLE", "city"], entries["TABLE DATA", "city"], entries["CONSTRAINT", "city city_pkey"]
    assert (table.owner, table.key, table.has_data, data.has_data) == ("postgres", ("public", "city"), False, True)
    assert data.depends == (table.number,)
    assert table.number in key.depends
    assert data.copy == "COPY public.city (id, name) FROM stdin;\n"
    assert "ADD CONSTRAINT city_pkey PRIMARY KEY (id)" in key.definition


def test_sequences_tell_their_values(archive: bytes) -> None:
    contents, _, _ = open_archive(iter([archive]))
    assert contents.sequence_values() == {
        ("public", "house_id_seq"): (99, True),
        ("public", "untouched"): (7, False),
        ("public", "under, 5, true);"): (-4, False),
    }


def test_the_head_alone_restores_the_schema_before_and_after_the_rows(
    server: PostgresServer, archive: bytes, tmp_path: Path
) -> None:
    _, head, _ = open_archive(iter([archive]))
    (tmp_path / "head").write_bytes(head)
    target = server.create("copy_of_town")
    restore = [server.bin / "pg_restore", "--exit-on-error", "-d", target]
    for section, source, *more in (("pre-data", "head"), ("data", None), ("post-data", "head", "-j2")):
        command = [*restore, f"--section={section}", *more, *([tmp_path / source] if source else [])]
        given = None if source else archive
        subprocess.run(command, env=server.environment(), input=given, capture_output=True, check=True)
    again = dump(server, "copy_of_town")
    assert objects(again) == objects(archive)
    restored, captured = read(again, 1 << 20, ArchiveReader()), read(archive, 1 << 20, ArchiveReader())
    assert restored.large_objects == captured.large_objects
    assert sizes(restored) == sizes(captured)


def test_rows_keep_their_order_if_the_transaction_that_loads_them_truncates_their_table(
    server: PostgresServer, archive: bytes, tmp_path: Path
) -> None:
    """Else the server may put a row of another width into a gap on an earlier page, and digests would differ."""
    contents, head, _ = open_archive(iter([archive]))
    (tmp_path / "head").write_bytes(head)
    target = server.create("orderly_town")
    command = [server.bin / "pg_restore", "--exit-on-error", "-d", target, "--section=pre-data", tmp_path / "head"]
    subprocess.run(command, env=server.environment(), capture_output=True, check=True)
    with psycopg.connect(target) as connection, connection.cursor() as cursor:
        for entry in contents.entries:
            if entry.kind == "TABLE DATA":
                cursor.execute(f"TRUNCATE ONLY public.{entry.name}")  # type: ignore[arg-type]
                with cursor.copy(entry.copy) as copy:  # type: ignore[arg-type]
                    for chunk in table_rows(iter([archive]), entry.key):
                        copy.write(chunk)
    restored = read(dump(server, "orderly_town"), 1 << 20, ArchiveReader()).tables
    assert restored == read(archive, 1 << 20, ArchiveReader()).tables


def objects(archive: bytes) -> list[tuple[str, str, str]]:
    contents, _, _ = open_archive(iter([archive]))
    return sorted((each.kind, each.name, each.definition) for each in contents.entries if each.kind != "DATABASE")


def sizes(reader: ArchiveReader) -> dict[tuple[str, str], tuple[int, int]]:
    return {key: (each.rows, each.size) for key, each in reader.tables.items()}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_it_does_not_matter_how_an_archive_is_cut_into_chunks(small: bytes, size: int) -> None:
    whole, parts = read(small, len(small), ArchiveReader()), read(small, size, ArchiveReader())
    assert parts.tables == whole.tables
    assert parts.large_objects == whole.large_objects
    assert parts.contents == whole.contents


def test_an_archive_that_is_cut_anywhere_is_refused(small: bytes) -> None:
    for end in range(0, len(small), 3):
        with pytest.raises(CaptureError, match=r"ends (in the middle|before)"):
            list(ArchiveReader().watch(iter([small[:end]])))
    contents, _, _ = open_archive(iter([small]))
    with pytest.raises(CaptureError, match="ends before TABLE DATA a"):
        list(ArchiveReader().watch(iter([small[: contents.size]])))


def test_rows_without_the_mark_at_their_end_are_refused(small: bytes) -> None:
    with pytest.raises(CaptureError, match=r"a table .* has no end"):
        list(ArchiveReader().watch(iter([small.replace(b"\\.\n\n\n", b"\\?\n\n\n")])))


def test_empty_chunks_are_no_end(small: bytes) -> None:
    with_gaps = [part for chunk in pieces(small, 500) for part in (b"", chunk)]
    reader = ArchiveReader()
    assert b"".join(reader.watch(iter(with_gaps))) == small
    assert reader.tables == read(small, 500, ArchiveReader()).tables


def test_with_counts_only_rows_are_counted_and_nothing_is_hashed(small: bytes) -> None:
    found = read(small, 1000, ArchiveReader(level="counts"))
    assert {key: (each.rows, each.sha256) for key, each in found.tables.items()} == {
        ("public", "a"): (3, None),
        ("public", "b"): (0, None),
    }
    assert (found.large_objects.count, found.large_objects.size, found.large_objects.sha256) == (2, 5, None)


def test_with_digests_off_the_contents_are_read_and_the_rest_passes(small: bytes) -> None:
    found = read(small, 1000, ArchiveReader(level="off"))
    assert found.contents is not None
    assert (found.tables, found.large_objects.count) == ({}, 0)


@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_one_tables_rows_come_out_as_copy_text(small: bytes, size: int) -> None:
    rows = b"".join(table_rows(pieces(small, size), ("public", "a")))
    assert rows == b"1\tone\n2\t\\N\n3\t" + b"long " * 100 + b"\n"
    assert b"".join(table_rows(pieces(small, size), ("public", "b"))) == b""


def test_a_table_that_is_not_in_the_archive_has_no_rows_to_give(small: bytes) -> None:
    with pytest.raises(CaptureError, match=r'no rows of "public"\."c"'):
        list(table_rows(iter([small]), ("public", "c")))


def test_names_are_read_in_the_encoding_of_the_database(old: PostgresServer) -> None:
    old.create("latin", "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    old.execute('CREATE TABLE "café" AS SELECT \'é\'::text AS "naïve"', database="latin")
    archive = dump(old, "latin", "--encoding=LATIN1")
    found = read(archive, 100, ArchiveReader("latin-1"))
    assert list(found.tables) == [("public", "café")]
    assert b"".join(table_rows(iter([archive]), ("public", "café"), "latin-1")) == "é\n".encode("latin-1")


def test_what_is_not_such_an_archive_is_refused_by_name(small: bytes) -> None:
    for wrong, words in (
        (b"-- PostgreSQL database dump\n", "not an archive"),
        (small[:6] + b"\x11" + small[7:], r"does not know, version 1\.17"),
        (small[:5] + b"\x02" + small[6:], "does not know, version 2"),
        (small[:10] + b"\x03" + small[11:], "does not know"),
    ):
        with pytest.raises(CaptureError, match=words):
            list(ArchiveReader().watch(iter([wrong])))


def test_a_compressed_archive_is_refused(server: PostgresServer) -> None:
    command = [server.bin / "pg_dump", "-Fc", "-Z5", "-d", server.dsn("town")]
    packed = subprocess.run(command, env=server.environment(), capture_output=True, check=True).stdout
    with pytest.raises(CaptureError, match="is compressed"):
        list(ArchiveReader().watch(iter([packed])))
