"""What differs between a restored database and what was captured, all kinds of things together.

It must not know how the database was restored, nor what a difference leads to.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import psycopg

from drkit.engines.postgres.archive import open_archive
from drkit.engines.postgres.complaints import program_failed
from drkit.engines.postgres.contents import Contents, Name, SchemaObject
from drkit.engines.postgres.digest import LargeObjectDigest, LargeObjects
from drkit.engines.postgres.dump import ARCHIVE
from drkit.engines.postgres.names import codec_of, quote_table
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.relations import list_relations
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.taken import list_objects
from drkit.model import Digest
from drkit.streams.process import Family

_LARGE_OBJECT_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject` says what differs in words; `tables` are there where their rows do, `rows` says how many of them, and
    `examples` which: what stands in a key may be anybody's name, so it is for the eyes of who restores alone."""

    subject: str
    expected: str
    found: str
    tables: tuple[Name, ...] = ()
    rows: str = ""
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        examples = f", such as {'; '.join(self.examples)}" if self.examples else ""
        return f"{self.subject}: expected {self.expected}, found {self.found}{self.rows and f': {self.rows}{examples}'}"


@dataclass(frozen=True, slots=True)
class Unseen:
    """What nobody can compare, and why; `tables` are there where it is their rows."""

    subject: str
    reason: str
    tables: tuple[Name, ...] = ()

    def __str__(self) -> str:
        return f"the {self.subject} were not compared: {self.reason}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def spelled(name: Name) -> str:
    return ".".join(part for part in name if part)


def compare_sequences(
    connection: psycopg.Connection, sequences: Mapping[Name, tuple[int, bool]]
) -> Iterator[Difference]:
    present = list_relations(connection)
    for name, expected in sorted(sequences.items()):
        if name not in present:
            yield Difference(f"sequence {spelled(name)}", "present", "missing")
            continue
        question = f"select last_value, is_called from {quote_table(*name)}"
        [found] = connection.execute(question.encode(errors="surrogateescape"))
        if tuple(found) != expected:
            yield Difference(f"sequence {spelled(name)}", _state(*expected), _state(*found))


def compare_large_objects(connection: psycopg.Connection, contents: Contents) -> Iterator[Difference]:
    expected = contents.large_objects
    found = _read_large_objects(connection, contents)
    if found != expected:
        yield Difference("large objects", describe_large_objects(expected), describe_large_objects(found))


def describe_large_objects(objects: LargeObjects) -> str:
    if objects.count == 0:
        return "none"
    return f"{objects.count} of {objects.size} bytes{f' ({objects.sha256[:12]}…)' if objects.sha256 else ''}"


def compare_versions(connection: psycopg.Connection, contents: Contents) -> Iterator[Difference]:
    """Of extensions. They are no faults, as a server gives the versions that it has."""
    found: dict[str, str] = dict(connection.execute("select extname::text, extversion from pg_extension").fetchall())
    for name, version in sorted(contents.extensions.items()):
        if name in found and found[name] != version:
            yield Difference(f"extension {name}", version, found[name])


def compare_objects(
    expected: Iterable[SchemaObject], found: Iterable[SchemaObject], same: bool, hidden: Collection[str] = ()
) -> Iterator[Difference]:
    """`same`: both were told by the same majors, so that definitions can be compared, and not names alone. Those of
    the kinds in `hidden` are not shown to who asks."""
    wanted, present = Counter(map(_identity, expected)), Counter(map(_identity, found))
    for kind, schema, name in sorted((wanted - present).elements()):
        yield Difference(f"{kind.lower()} {spelled((schema, name))}", "present", "missing")
    if same:
        definitions = Counter(found)
        for each in sorted(Counter(expected) - definitions, key=_identity):
            if each.kind not in hidden and present[_identity(each)] >= wanted[_identity(each)]:
                yield Difference(f"{each.kind.lower()} {spelled((each.schema, each.name))}", "as captured", "changed")


def read_objects(server: Server, programs: Programs, encoding: str, children: Family) -> list[SchemaObject]:
    command = [
        programs.path("pg_dump"),
        *server.arguments(),
        *ARCHIVE,
        "--schema-only",
    ]
    environment = server.environment(programs, client_encoding=encoding)
    chunks = children.read(command, environment, program_failed("pg_dump", server))
    head, _, rest = open_archive(chunks, codec_of(encoding))
    for _ in rest:
        pass  # to its good end
    return list(list_objects(head.entries))


def _identity(each: SchemaObject) -> tuple[str, str, str]:
    return each.kind, each.schema, each.name


def _read_large_objects(connection: psycopg.Connection, contents: Contents) -> LargeObjects:
    digest = LargeObjectDigest(contents.level)
    for (oid,) in connection.execute("select oid::bigint from pg_largeobject_metadata order by oid").fetchall():
        size, content = 0, sha256()
        while True:
            [(part,)] = connection.execute("select lo_get(%s::bigint::oid, %s, %s)", [oid, size, _LARGE_OBJECT_STEP])
            content.update(part)
            size += len(part)
            if len(part) < _LARGE_OBJECT_STEP:
                break
        digest.add(oid, Digest(content.hexdigest() if contents.level == "full" else "", size))
    return digest.value()


def _state(value: int, called: bool) -> str:
    return f"{value} given out" if called else f"{value} to be given out next"
