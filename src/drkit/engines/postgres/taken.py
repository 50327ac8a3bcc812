"""What a capture has taken, put together from what passed by and what the snapshot says."""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

import psycopg

from drkit.engines.postgres.archive import ArchiveReader
from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.choice import Choice
from drkit.engines.postgres.contents import DUMP, Contents, SchemaObject, Segment, TableContents
from drkit.engines.postgres.division import Stream
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.origin import find_belongings, read_settings, read_size, read_system
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.scratch.settings import COMPARED
from drkit.engines.postgres.tables import ORDINARY
from drkit.errors import CaptureError

# Not objects of the database: rows, values, and what pg_dump says about the archive or the database as a whole.
_NO_OBJECTS = {
    *(
        "TABLE DATA",
        "MATERIALIZED VIEW DATA",
        "SEQUENCE SET",
        "BLOBS",
        "BLOB",
        "BLOB METADATA",
        "BLOB COMMENTS",
        "STATISTICS DATA",
    ),
    *("ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE", "DATABASE PROPERTIES"),
}
_REMARKS = ("COMMENT", "ACL", "SECURITY LABEL")
_ELSEWHERE = ("DATABASE ", "LARGE OBJECT ", "LARGE OBJECTS ")  # remarks on these are not the schema's
_POLICY_ROLES = re.compile(r"(?<= TO ).*?(?= USING| WITH CHECK|;$)")


def list_contents(
    connection: psycopg.Connection,
    facts: Facts,
    programs: Programs,
    options: DumpOptions,
    choice: Choice,
    archive: ArchiveReader,
    segments: Mapping[str, Segment],
) -> Contents:
    """Once the archive and all streams have passed."""
    if archive.contents is None:
        raise CaptureError("pg_dump ended before its table of contents did", "run the backup again")
    head = archive.contents
    extensions = connection.execute("select extname::text, extversion from pg_extension").fetchall()
    return Contents(
        server_version=facts.version,
        dump_major=programs.major,
        encoding=facts.encoding,
        level=options.fingerprints,
        tables=tuple(_tables(choice, archive, segments)),
        sequences=head.sequence_values(),
        large_objects=archive.large_objects,
        objects=tuple(list_objects(head.entries)),
        extensions=dict(extensions),
        belongings=find_belongings(connection, head.entries),
        settings=read_settings(connection, COMPARED),
        system=read_system(connection),
        size=read_size(connection),
    )


def list_objects(entries: Iterable[Entry]) -> Iterator[SchemaObject]:
    for entry in entries:
        remark_elsewhere = entry.kind in _REMARKS and entry.name.startswith(_ELSEWHERE)
        if entry.kind not in _NO_OBJECTS and not remark_elsewhere:
            definition = sha256(_settled(entry).encode(errors="surrogateescape")).hexdigest()
            yield SchemaObject(entry.kind, entry.schema, entry.name, definition)


def _settled(entry: Entry) -> str:
    """Without what depends on the order in which a server's roles were made."""
    if entry.kind == "POLICY":
        return _POLICY_ROLES.sub(lambda found: ", ".join(sorted(found[0].split(", "))), entry.definition)
    if entry.kind == "ACL":
        return "\n".join(sorted(entry.definition.splitlines()))
    return entry.definition


def _tables(choice: Choice, archive: ArchiveReader, segments: Mapping[str, Segment]) -> Iterator[TableContents]:
    streams: dict[tuple[str, str], list[Stream]] = {}
    for stream in choice.streams:
        streams.setdefault(stream.table.key, []).append(stream)
    for table in choice.taken:
        if table.kind != ORDINARY:
            continue
        if table.key in streams:
            found = tuple(segments[stream.piece] for stream in streams[table.key])
        elif table.key in archive.tables:
            found = (Segment.of(DUMP, archive.tables[table.key]),)
        else:  # nobody looked, or pg_dump knows a reason to leave its rows out
            found = (Segment(DUMP),)
        yield TableContents(*table.key, table.columns, found)
