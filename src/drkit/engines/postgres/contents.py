"""What a captured database held: the piece "contents", from which a restore knows what it has to find again.

It travels encrypted, as it names tables and may tell their sizes. It must not know how anything was counted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from drkit.engines.postgres.digest import LargeObjects, Level, TableDigest
from drkit.errors import IntegrityError, UnknownFormat

DUMP = "dump"
PIECE = "contents"
FORM = 1
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive rows of a table as COPY writes them, and the piece that has them. None is what was not asked for."""

    piece: str
    rows: int | None = None
    size: int | None = None
    sha256: str | None = None

    @staticmethod
    def of(piece: str, digest: TableDigest) -> "Segment":
        return Segment(piece, digest.rows, digest.size, digest.sha256)


@dataclass(frozen=True, slots=True)
class TableContents:
    """`columns` are those that COPY wrote, in its order: a restored table may have another one."""

    schema: str
    name: str
    columns: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def key(self) -> Name:
        return self.schema, self.name

    @property
    def rows(self) -> int | None:
        known = [segment.rows for segment in self.segments if segment.rows is not None]
        return sum(known) if len(known) == len(self.segments) else None


@dataclass(frozen=True, slots=True)
class SchemaObject:
    kind: str
    schema: str
    name: str
    definition: str  # the SHA-256 of its SQL, comparable where the same major of pg_dump read the same major of server


@dataclass(frozen=True, slots=True)
class Contents:
    """`sequences` are the next values to be given, by schema and name; `extensions` their versions, by name.

    `belongings` are the numbers of the dump's entries for what an extension made, by its name. Of the server that was
    captured: its `settings`, `system` as initdb numbered it, the database's `size` on its disk.
    """

    server_version: int
    dump_major: int
    encoding: str
    level: Level
    tables: tuple[TableContents, ...]
    sequences: Mapping[Name, tuple[int, bool]]
    large_objects: LargeObjects
    objects: tuple[SchemaObject, ...]
    extensions: Mapping[str, str]
    belongings: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    system: str | None = None
    size: int | None = None


def format_contents(contents: Contents) -> bytes:
    document = _members(contents) | {
        "form": FORM,
        "sequences": [[*name, *state] for name, state in sorted(contents.sequences.items())],
    }
    text = json.dumps(document, default=_members, ensure_ascii=False, sort_keys=True)
    return text.encode(errors="surrogateescape")


def _members(value: Any) -> dict[str, Any]:
    """One level only: `asdict` copies every level, which takes a fifth of a second for 5,000 tables."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def parse_contents(raw: bytes) -> Contents:
    try:
        document = json.loads(raw.decode(errors="surrogateescape"))
        if document["form"] != FORM:
            raise UnknownFormat(f"this backup's contents are of form {document['form']}", "update drkit")
        return _build(document)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise IntegrityError(f"the list of what the backup holds cannot be read: {error!r}") from error


def _build(document: Mapping[str, Any]) -> Contents:
    return Contents(
        server_version=document["server_version"],
        dump_major=document["dump_major"],
        encoding=document["encoding"],
        level=document["level"],
        tables=tuple(
            TableContents(each["schema"], each["name"], tuple(each["columns"]), _segments(each["segments"]))
            for each in document["tables"]
        ),
        sequences={(schema, name): (value, called) for schema, name, value, called in document["sequences"]},
        large_objects=LargeObjects(**document["large_objects"]),
        objects=tuple(SchemaObject(**each) for each in document["objects"]),
        extensions=dict(document["extensions"]),
        # older backups do not tell
        belongings={name: tuple(numbers) for name, numbers in document.get("belongings", {}).items()},
        settings=dict(document.get("settings", {})),
        system=document.get("system"),
        size=document.get("size"),
    )


def _segments(documents: Sequence[Mapping[str, Any]]) -> tuple[Segment, ...]:
    return tuple(Segment(**each) for each in documents)


def table_of(contents: Contents, name: Name) -> TableContents:
    return next(each for each in contents.tables if each.key == name)
