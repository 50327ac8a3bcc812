"""pg_dump's custom format, read as it flies by: which table each block of data belongs to, and a digest of its rows.

Only archives without compression, as drkit asks pg_dump for them. It changes no byte and holds no block whole.
"""

from collections.abc import Generator

from drkit.engines.postgres.digest import RowDigest, TableDigest
from drkit.errors import CaptureError
from drkit.ports import Chunks

_MAGIC, _CUSTOM = b"PGDMP", 1
_DATA, _BLOBS = 1, 3
_OLDEST, _NEWEST = (1, 12), (1, 16)
_END = b"\\.\n\n\n"  # what pg_dump puts after the rows of a table
_TEXTS = 3  # the database's name, and the versions of server and pg_dump
Table = tuple[str, str]
# A parser yields how many bytes it needs next, and is sent exactly as many.
Parser = Generator[int, bytes, None]


class ArchiveDigests:
    """`tables` fills while the archive passes: a digest for every table whose rows are in it, by schema and name."""

    def __init__(self) -> None:
        self.tables: dict[Table, TableDigest] = {}
        self._between_blocks = False

    def watch(self, chunks: Chunks) -> Chunks:
        parser = self._parse()
        needed, held = next(parser), b""
        for chunk in chunks:
            held = held + chunk if held else chunk
            start = 0
            while len(held) - start >= needed:
                end = start + needed
                needed, start = parser.send(held[start:end]), end
            held = held[start:]
            yield chunk
        if held or not self._between_blocks:
            raise CaptureError("the archive of pg_dump ends in the middle", "run the backup again")

    def _parse(self) -> Parser:
        names = yield from _table_of_contents()
        while True:
            self._between_blocks = True
            kind = (yield 1)[0]
            self._between_blocks = False
            number = yield from _int()
            if kind == _DATA:
                digest = yield from _rows()
                if number in names:
                    self.tables[names[number]] = digest
            elif kind == _BLOBS:
                while (yield from _int()):
                    while size := (yield from _int()):
                        yield size
            else:
                raise CaptureError(f"the archive of pg_dump has a block of an unknown kind, {kind}", "update drkit")


def _rows() -> Generator[int, bytes, TableDigest]:
    digest, tail = RowDigest(), b""
    while size := (yield from _int()):
        text = tail + (yield size)
        digest.add(text[: -len(_END)])
        tail = text[-len(_END) :]
    if tail != _END:
        raise CaptureError("a table in the archive of pg_dump has no end", "run the backup again")
    return digest.value()


def _table_of_contents() -> Generator[int, bytes, dict[int, Table]]:
    """The numbers of the data blocks, and whose rows they hold."""
    head = yield 11
    version = (head[5], head[6])
    if head[:5] != _MAGIC or head[10] != _CUSTOM or not _OLDEST <= version <= _NEWEST:
        raise CaptureError(f"the archive of pg_dump is of an unknown form, version {version}", "update drkit")
    if version >= (1, 15):
        yield 1
    else:
        yield from _int()
    for _ in range(7):  # when it was made
        yield from _int()
    for _ in range(_TEXTS):
        yield from _text()
    names: dict[int, Table] = {}
    count = yield from _int()
    for _ in range(count):
        number, kind, table = yield from _entry(version)
        if kind == "TABLE DATA":
            names[number] = table
    return names


def _entry(version: tuple[int, int]) -> Generator[int, bytes, tuple[int, str, Table]]:
    number = yield from _int()
    yield from _int()
    yield from _text()  # the catalog's table
    yield from _text()  # the row in it
    tag = yield from _text()
    kind = yield from _text()
    yield from _int()
    for _ in range(3):  # definition, drop, copy
        yield from _text()
    schema = yield from _text()
    yield from _text()
    if version >= (1, 14):
        yield from _text()
    if version >= (1, 16):
        yield from _int()
    for _ in range(2):  # owner, with oids
        yield from _text()
    while (yield from _text()) is not None:  # what it depends on
        pass
    yield 9  # whether there are data, and where
    return number, kind or "", (schema or "", tag or "")


def _int() -> Generator[int, bytes, int]:
    raw = yield 5
    value = int.from_bytes(raw[1:], "little")
    return -value if raw[0] else value


def _text() -> Generator[int, bytes, str | None]:
    size = yield from _int()
    if size < 0:
        return None
    return (yield size).decode(errors="surrogateescape") if size else ""
