"""What a PostgreSQL backup stores is what docs/FORMAT.md says, read by the document's own words."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from cli_runner import drkit_in
from docs.format_reader import backups, read_manifest, read_piece
from servers.postgres import NamedServer

FORMAT = (Path(__file__).parents[2] / "docs/FORMAT.md").read_text()
[SECTION] = re.findall(r"^## The pieces of a PostgreSQL dump\n(.*?)^## ", FORMAT, re.MULTILINE | re.DOTALL)
STATEMENTS = (
    "create table orders (id integer primary key, note text, price numeric, at timestamptz default now())",
    "insert into orders (id, note, price) select n, E'\\t \\n \\\\' || n, n / 7.0 from generate_series(1, 500) n",
    "update orders set note = null where id % 3 = 0",
    'create table "odd ""name""\t" (x interval, y bytea)',
    'insert into "odd ""name""\t" values (\'1 day 2 hours\', \'\\x00ff\')',
    "create table big (id integer, filler text)",
    "alter table big alter filler set storage plain",
    "insert into big select n, repeat(md5(n::text), 40) from generate_series(1, 20000) n",
    "create sequence tickets",
    "select setval('tickets', 41, true)",
    "select lo_from_bytea(0, 'hello'), lo_from_bytea(0, 'world')",
)


@dataclass(frozen=True)
class Stored:
    server: NamedServer
    database: str
    pieces: dict[str, bytes]

    @property
    def contents(self) -> dict[str, Any]:
        return json.loads(self.pieces["contents"])

    @property
    def steps(self) -> list[list[str]]:
        text = self.pieces["steps"].decode()
        assert text.endswith("\n")
        return [line.split("\t") for line in text[:-1].split("\n")]


@pytest.fixture(scope="module")
def stored(postgres: NamedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("format") / "shop"
    database = f"format_{uuid.uuid4().hex[:8]}"
    drkit = drkit_in(folder, DATABASE_URL=postgres.create(database))
    postgres.execute(*STATEMENTS, database=database)
    drkit.ok("init", "--name", "shop")
    drkit.ok("backup", "now")
    store = folder / "backups"
    signer, identity = ((folder / "keys" / name).read_text().splitlines()[-1] for name in ("signer", "identity"))
    [key] = backups(store)
    manifest = read_manifest(store, key, signer)
    assert manifest["kind"] == "postgres"
    pieces = {piece["name"]: read_piece(store, piece, signer, identity) for piece in manifest["pieces"]}
    yield Stored(postgres, database, pieces)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database)))


def _documented(part: str) -> set[str]:
    return {name for row in re.findall(rf"^\| (?:… )?({part}.*?) \|", SECTION, re.MULTILINE) for name in _names(row)}


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def _settings() -> dict[str, str]:
    """As the document lists them."""
    return {name: value.strip("'") for name, value in re.findall(r"`(\w+) = ([^`]*)`", SECTION)}


def test_the_pieces_are_those_that_the_document_names(stored: Stored) -> None:
    assert {re.sub(r"\d{5}", "NNNNN", name) for name in stored.pieces} == {"dump", "data-NNNNN", "steps", "contents"}
    assert stored.pieces["dump"].startswith(b"PGDMP")
    for name in ("dump", "data-NNNNN", "steps", "contents"):
        assert f"**`{name}`**" in SECTION


def test_the_members_of_contents_are_those_that_the_document_names(stored: Stored) -> None:
    contents = stored.contents
    assert set(contents) | {"segments"} == _documented("`(?!(?:note|role|create|copy|setting)`)")
    [tables] = re.findall(r"^\| `tables` \|(.*)", SECTION, re.MULTILINE)
    [segments] = re.findall(r"^\| … `segments` \|(.*)", SECTION, re.MULTILINE)
    assert contents["form"] == 1
    for table in contents["tables"]:
        assert set(table) == set(_names(tables))
        for segment in table["segments"]:
            assert set(segment) == set(_names(segments)) - {"dump"}


def test_the_digests_are_those_of_the_copy_text_with_the_settings_of_the_document(stored: Stored) -> None:
    told = {table["name"]: table for table in stored.contents["tables"]}
    assert set(told) == {"orders", 'odd "name"\t', "big"}
    assert len(_settings()) == 9
    with psycopg.connect(stored.server.dsn(stored.database), autocommit=True) as connection:
        for name, value in _settings().items():
            connection.execute("select set_config(%s, %s, false)", [name, value])
        for name, table in told.items():
            names = [sql.Identifier(column) for column in table["columns"]]
            what = sql.SQL("copy {} ({}) to stdout").format(sql.Identifier("public", name), sql.SQL(", ").join(names))
            with connection.cursor() as cursor, cursor.copy(what) as copy:
                text = b"".join(bytes(row) for row in copy)
            [segment] = table["segments"]
            assert segment["sha256"] == hashlib.sha256(text).hexdigest()
            assert (segment["rows"], segment["size"]) == (text.count(b"\n"), len(text))
            if segment["piece"] != "dump":
                assert stored.pieces[segment["piece"]] == text
    assert told["big"]["segments"][0]["piece"] == "data-00001"


def test_large_objects_and_sequences_are_told_as_the_document_says(stored: Stored) -> None:
    found = stored.server.query("select oid, lo_get(oid) from pg_largeobject_metadata", database=stored.database)
    each = [hashlib.sha256(f"{oid}:{hashlib.sha256(data).hexdigest()}".encode()).digest() for oid, data in found]
    total = sum(int.from_bytes(digest, "big") for digest in each) % 2**256
    assert stored.contents["large_objects"] == {"count": 2, "size": 10, "sha256": f"{total:064x}"}
    assert stored.contents["sequences"] == [["public", "tickets", 41, True]]


def test_the_lines_of_steps_are_those_that_the_document_names(stored: Stored) -> None:
    known = {"note", "role", "create", "copy", "setting"}
    assert all(f"| `{word}` TAB" in SECTION for word in known)
    words = [line[0] for line in stored.steps]
    assert set(words) <= known
    assert words.count("create") == 1
    [copied] = [line for line in stored.steps if line[0] == "copy"]
    assert copied[1:] == ["data-00001", 'COPY "public"."big" ("id", "filler") FROM STDIN']
    for line in stored.steps:
        assert len(line) == (3 if line[0] == "copy" else 2)
        assert not line[-1].endswith(";")
    [creation] = [line[1] for line in stored.steps if line[0] == "create"]
    assert creation.startswith('CREATE DATABASE :"target" ')
