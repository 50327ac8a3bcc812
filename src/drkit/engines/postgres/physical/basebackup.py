"""BASE_BACKUP: what the server sends, as named bytes in the order in which they come. It stores nothing.

From PostgreSQL 15 on everything comes in one COPY, whose messages begin with a letter; before that there is one COPY
for each archive, in the order of the tablespaces, and one for the manifest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import pq

from drkit.engines.postgres.physical.connection import Line, Row
from drkit.errors import CaptureError
from drkit.lsn import parse_lsn
from drkit.ports import Chunks

LABEL = "drkit"
BASE, MANIFEST = "base", "manifest"
_ONE_COPY, _INCREMENTS = 15, 17
_SLOWEST, _FASTEST = 32, 1 << 20  # kB a second, as the server takes them
_NEW_ARCHIVE, _MANIFEST, _DATA = b"nmd"


@dataclass(frozen=True, slots=True)
class Tablespace:
    oid: str
    location: str


@dataclass(frozen=True, slots=True)
class Begun:
    start: int
    timeline: int
    tablespaces: tuple[Tablespace, ...]


def begin(line: Line, major: int, rate_limit: int | None, *, incremental: bool) -> Begun:
    """A checkpoint goes before it, which the server does not spread over time."""
    line.send(_spell(major, rate_limit, incremental))
    [(start, timeline)] = line.rows()
    spaces = [Tablespace(oid, location or "") for oid, location, *_ in line.rows() if oid]
    return Begun(parse_lsn(start or ""), int(timeline or 0), tuple(spaces))


def receive(line: Line, major: int, begun: Begun) -> Iterator[tuple[str, bytes]]:
    """What belongs together comes in a row: of an archive under its tablespace's number or BASE, then MANIFEST."""
    if major >= _ONE_COPY:
        line.result(pq.ExecStatus.COPY_OUT)
        yield from _sort(line)
        return
    # the main folder comes last, as its pg_control must be newer than all else
    for name in (*(space.oid for space in begun.tablespaces), BASE, MANIFEST):
        line.result(pq.ExecStatus.COPY_OUT)
        for message in line.copied():
            yield name, bytes(message)


def end(line: Line) -> int:
    """Where the log must have come to for the backup to be whole."""
    [(stop, _timeline)] = line.rows()
    line.settle()
    return parse_lsn(stop or "")


def upload_manifest(line: Line, chunks: Chunks) -> None:
    """Of the backup that the next one is to be incremental to."""
    line.send("UPLOAD_MANIFEST")
    line.result(pq.ExecStatus.COPY_IN)
    for chunk in chunks:
        line.give(chunk)
    line.end_giving()
    line.result(pq.ExecStatus.COMMAND_OK)
    line.settle()


def _spell(major: int, rate_limit: int | None, incremental: bool) -> str:
    rate = min(max(rate_limit // 1024, _SLOWEST), _FASTEST) if rate_limit else None
    if major < _ONE_COPY:
        limit = f" MAX_RATE {rate}" if rate else ""
        return (
            f"BASE_BACKUP LABEL '{LABEL}' FAST NOWAIT TABLESPACE_MAP{limit} MANIFEST 'yes' MANIFEST_CHECKSUMS 'SHA256'"
        )
    options = [f"LABEL '{LABEL}'", "CHECKPOINT 'fast'", "WAIT false", "TABLESPACE_MAP true"]
    options += ["MANIFEST 'yes'", "MANIFEST_CHECKSUMS 'SHA256'"]
    options += [f"MAX_RATE {rate}"] if rate else []
    options += ["INCREMENTAL"] if incremental else []
    return f"BASE_BACKUP ({', '.join(options)})"


def _sort(line: Line) -> Iterator[tuple[str, bytes]]:
    name = ""
    for message in line.copied():
        letter = message[0]
        if letter == _DATA:
            yield name, bytes(message[1:])
        elif letter == _NEW_ARCHIVE:
            archive = bytes(message[1:]).split(b"\0", 1)[0].decode()
            name = archive.removesuffix(".tar")
            if not (name == BASE or name.isdigit()):
                raise CaptureError(f"the server sent an archive that nobody knows: {name!r}", "update drkit")
        elif letter == _MANIFEST:
            name = MANIFEST


def can_be_incremental(major: int) -> bool:
    return major >= _INCREMENTS


def cell(rows: list[Row]) -> str:
    """The one value that was asked for."""
    [(value,)] = rows
    return value or ""
