"""The head of pg_dump's custom format: what is in the archive, under which name, and what needs what.

It must not know of the blocks of data that follow.
"""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from struct import Struct
from typing import TypeVar

from drkit.errors import CaptureError

Table = tuple[str, str]  # schema and name
T = TypeVar("T")
# A parser stops where it needs another chunk, and is sent it; an empty one is the archive's end.
Parser = Generator[None, bytes, T]

_MAGIC, _CUSTOM = b"PGDMP", 1
_INT_BYTES, _OFFSET_BYTES = 4, 8
_OLDEST, _NEWEST = (1, 12), (1, 16)
_INT = Struct("<?I")
_NO_DATA = 3
_VALUE = re.compile(r", (-?\d+), (true|false)\);\s*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, or the data of one. `kind` is as `pg_restore --list` calls it."""

    number: int
    kind: str
    schema: str
    name: str
    owner: str
    definition: str
    copy: str
    depends: tuple[int, ...]
    has_data: bool

    @property
    def key(self) -> Table:
        return self.schema, self.name

    @property
    def described(self) -> str:
        return f"{self.kind.lower()} {self.name}"


@dataclass(frozen=True, slots=True)
class Contents:
    """The first `size` bytes of an archive. They alone are an archive without data, as far as pg_restore cares."""

    version: tuple[int, int]
    server_version: str
    dump_version: str
    entries: tuple[Entry, ...]
    size: int

    def sequence_values(self) -> dict[Table, tuple[int, bool]]:
        """What each sequence stands at, and whether that value was given out."""
        found = ((each, _VALUE.search(each.definition)) for each in self.entries if each.kind == "SEQUENCE SET")
        return {each.key: (int(match[1]), match[2] == "true") for each, match in found if match}


class Held:
    """The part of an archive that has come and was not yet read. Reading past its end raises Short."""

    def __init__(self, encoding: str) -> None:
        self.text, self.at, self._passed, self._encoding = b"", 0, 0, encoding

    @property
    def position(self) -> int:
        """In the whole archive."""
        return self._passed + self.at

    def add(self, chunk: bytes) -> None:
        if not chunk:
            raise CaptureError("the archive of pg_dump ends in the middle", "run the backup again")
        self._passed += self.at
        self.text, self.at = self.text[self.at :] + chunk, 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.text):
            raise Short
        taken, self.at = self.text[self.at : end], end
        return taken

    def integer(self) -> int:
        value: int
        negative, value = _INT.unpack(self.take(_INT.size))
        return -value if negative else value

    def string(self) -> str | None:
        size = self.integer()
        return None if size < 0 else self.take(size).decode(self._encoding, "surrogateescape")


class Short(Exception):
    """More of the archive has to come first."""


def read_whole(held: Held, read: Callable[[Held], T]) -> Parser[T]:
    """What `read` makes of the archive's next bytes, once they all have come."""
    while True:
        start = held.at
        try:
            return read(held)
        except Short:
            held.at = start
            held.add((yield))


def parse_contents(held: Held) -> Parser[Contents]:
    version = yield from read_whole(held, _version)
    server_version, dump_version, count = yield from read_whole(held, lambda held: _facts(held, version))
    entries = []
    for _ in range(count):
        entries.append((yield from read_whole(held, lambda held: _entry(held, version))))  # noqa: PERF401
    return Contents(version, server_version, dump_version, tuple(entries), held.position)


def _version(held: Held) -> tuple[int, int]:
    head = held.take(11)
    version = (head[5], head[6])
    if head[:5] != _MAGIC:
        raise CaptureError("this is not an archive of pg_dump", "pg_dump writes one with -Fc")
    if (head[8], head[9], head[10]) != (_INT_BYTES, _OFFSET_BYTES, _CUSTOM) or not _OLDEST <= version <= _NEWEST:
        raise CaptureError(
            f"the archive of pg_dump is of a form that drkit does not know, version {version[0]}.{version[1]}",
            "update drkit, or use the programs of PostgreSQL 14 to 18",
        )
    return version


def _facts(held: Held, version: tuple[int, int]) -> tuple[str, str, int]:
    compression = held.take(1)[0] if version >= (1, 15) else held.integer()
    if compression:
        raise CaptureError("the archive of pg_dump is compressed", "run pg_dump with -Z0")
    for _ in range(7):  # when it was made
        held.integer()
    _, server_version, dump_version = held.string(), held.string(), held.string()
    return server_version or "", dump_version or "", held.integer()


def _entry(held: Held, version: tuple[int, int]) -> Entry:
    number, _, _, _ = held.integer(), held.integer(), held.string(), held.string()  # has a dumper, table and row
    name, kind, _ = held.string(), held.string(), held.integer()  # section
    definition, _, copy = held.string(), held.string(), held.string()  # how to drop it
    schema, _ = held.string(), held.string()  # tablespace
    if version >= (1, 14):
        held.string()  # access method
    if version >= (1, 16):
        held.integer()  # kind of relation
    owner, _ = held.string(), held.string()  # with oids
    depends = []
    while needed := held.string():
        depends.append(int(needed))
    state = held.take(1 + _OFFSET_BYTES)[0]
    return Entry(
        number,
        kind or "",
        schema or "",
        name or "",
        owner or "",
        definition or "",
        copy or "",
        tuple(depends),
        state != _NO_DATA,
    )
