"""pg_dump's custom format, read as it flies by: its contents, and digests of the tables' rows and of the large objects.

Only archives without compression, as drkit asks pg_dump for them. It changes no byte and holds no block whole.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from struct import Struct

from drkit.engines.postgres.archive_head import Contents, Entry, Held, Parser, Table, parse_contents, read_whole
from drkit.engines.postgres.digest import LargeObjectDigest, LargeObjects, Level, RowDigest, TableDigest
from drkit.errors import CaptureError
from drkit.model import Digest
from drkit.ports import Chunks

_DATA, _LARGE_OBJECTS = 1, 3
_SIZE = Struct("<xI")
_END = b"\\.\n\n\n"  # what pg_dump puts after the rows of a table


class ArchiveReader:
    """`contents` is there once the first block of data has come; the digests are whole when the archive has passed.

    With level `off` nobody looks at the blocks of data, so a cut inside them goes unnoticed.
    """

    def __init__(self, encoding: str = "utf-8", level: Level = "full") -> None:
        self.contents: Contents | None = None
        self.tables: dict[Table, TableDigest] = {}
        self._level: Level = level
        self._held = Held(encoding)
        self._large_objects = LargeObjectDigest(level)

    @property
    def large_objects(self) -> LargeObjects:
        return self._large_objects.value()

    def watch(self, chunks: Chunks) -> Chunks:
        return _accompany(self._parse(), chunks)

    def _parse(self) -> Parser[None]:
        self.contents = yield from parse_contents(self._held)
        if self._level == "off":
            while (yield):
                pass
            return
        names = _tables(self.contents)
        awaited = {each.number: each for each in self.contents.entries if each.has_data}
        while block := (yield from _next_block(self._held)):
            kind, number = block
            awaited.pop(number, None)
            if kind == _LARGE_OBJECTS:
                yield from self._parse_large_objects()
                continue
            digest = RowDigest(self._level)
            yield from _parse_rows(self._held, digest.add)
            if number in names:
                self.tables[names[number]] = digest.value()
        for entry in awaited.values():
            raise CaptureError(f"the archive of pg_dump ends before {entry.kind} {entry.name}", "run the backup again")

    def _parse_large_objects(self) -> Parser[None]:
        while oid := (yield from read_whole(self._held, Held.integer)):
            digest = RowDigest(self._level)
            yield from _parse_texts(self._held, digest.add)
            content = digest.value()
            # pg_dump writes an OID beyond 2**31 as a negative number
            self._large_objects.add(oid % 2**32, Digest(content.sha256 or "", content.size))


def table_rows(chunks: Chunks, table: Table, encoding: str = "utf-8") -> Chunks:
    """The COPY text of one table out of an archive. No more of the archive is read than it takes."""
    found: list[bytes] = []
    for _ in _accompany(_parse_table(Held(encoding), table, found), chunks):
        yield from found
        found.clear()


def rows_by_table(chunks: Chunks, encoding: str = "utf-8") -> Iterator[tuple[Entry, bytes]]:
    """The COPY text of all tables, one after the other and in parts; a table's first part is empty."""
    found: list[tuple[Entry, bytes]] = []
    for _ in _accompany(_parse_tables(Held(encoding), found), chunks):
        yield from found
        found.clear()
    yield from found


def open_archive(chunks: Chunks, encoding: str = "utf-8") -> tuple[Contents, bytes, Chunks]:
    """Its contents, the bytes that hold them, and the whole archive again."""
    held, read = Held(encoding), []
    parser = parse_contents(held)
    next(parser)
    while True:
        read.append(next(chunks, b""))
        try:
            parser.send(read[-1])
        except StopIteration as done:
            contents: Contents = done.value
            start = b"".join(read)
            return contents, start[: contents.size], chain([start], chunks)


def _parse_table(held: Held, table: Table, found: list[bytes]) -> Parser[None]:
    names = _tables((yield from parse_contents(held)))
    while block := (yield from _next_block(held)):
        kind, number = block
        if kind == _LARGE_OBJECTS:
            while (yield from read_whole(held, Held.integer)):
                yield from _parse_texts(held, _ignore)
        elif names.get(number) == table:
            yield from _parse_rows(held, lambda text, end: found.append(text[:end]))
            return
        else:
            yield from _parse_texts(held, _ignore)
    raise CaptureError(f'the archive of pg_dump has no rows of "{table[0]}"."{table[1]}"', "name a table that it has")


def _parse_tables(held: Held, found: list[tuple[Entry, bytes]]) -> Parser[None]:
    contents = yield from parse_contents(held)
    entries = {each.number: each for each in contents.entries if each.kind == "TABLE DATA"}
    while block := (yield from _next_block(held)):
        kind, number = block
        if kind == _LARGE_OBJECTS:
            while (yield from read_whole(held, Held.integer)):
                yield from _parse_texts(held, _ignore)
        elif entry := entries.get(number):
            found.append((entry, b""))
            yield from _parse_rows(held, partial(_keep, found, entry))
        else:
            yield from _parse_texts(held, _ignore)


def _keep(found: list[tuple[Entry, bytes]], entry: Entry, text: bytes, end: int) -> None:
    found.append((entry, text[:end]))


def _ignore(_: bytes) -> None:
    """What nobody asked for passes."""


def _accompany(parser: Parser[None], chunks: Chunks) -> Chunks:
    """Each chunk when the parser has seen it, until there are no more or the parser has seen enough."""
    next(parser)
    for chunk in chunks:
        enough = chunk and _show(parser, chunk)
        yield chunk
        if enough:
            return
    _show(parser, b"")


def _show(parser: Parser[None], chunk: bytes) -> bool:
    try:
        parser.send(chunk)
    except StopIteration:
        return True
    return False


def _tables(contents: Contents) -> dict[int, Table]:
    return {each.number: each.key for each in contents.entries if each.kind == "TABLE DATA"}


def _next_block(held: Held) -> Parser[tuple[int, int] | None]:
    """Its kind and its number; None where the archive ends, which may be here and nowhere else."""
    if held.at == len(held.text):
        chunk = yield
        if not chunk:
            return None
        held.add(chunk)
    kind, number = yield from read_whole(held, lambda held: (held.take(1)[0], held.integer()))
    if kind not in (_DATA, _LARGE_OBJECTS):
        raise CaptureError(f"the archive of pg_dump has a block of an unknown kind, {kind}", "update drkit")
    return kind, number


def _parse_rows(held: Held, take: Callable[[bytes, int], None]) -> Parser[None]:
    """COPY text, without pg_dump's mark at its end: `take` gets texts, and how much of each belongs to it."""
    tail = b""

    def take_all_but_end(text: bytes) -> None:
        nonlocal tail
        if len(text) < len(_END):
            text, tail = tail + text, b""
        take(tail, len(tail))
        take(text, max(0, len(text) - len(_END)))
        tail = text[-len(_END) :]

    yield from _parse_texts(held, take_all_but_end)
    if tail != _END:
        raise CaptureError("a table in the archive of pg_dump has no end", "run the backup again")


def _parse_texts(held: Held, take: Callable[[bytes], None]) -> Parser[None]:
    """Texts, each behind its length, until an empty one. pg_dump writes one a row: this is done millions of times."""
    size_at = _SIZE.unpack_from
    while True:
        text, at = held.text, held.at
        last = len(text) - _SIZE.size
        found, size = [], 1
        while at <= last:
            (size,) = size_at(text, at)
            start = at + _SIZE.size
            at = start + size
            if not size:
                break
            found.append(text[start:at])
        if found:
            take(b"".join(found))
        missing = at - len(text)
        held.at = min(at, len(text))
        if not size:
            return
        held.add((yield))
        while missing > 0:
            part = min(missing, len(held.text))
            take(held.text[:part])
            held.at, missing = part, missing - part
            if missing:
                held.add((yield))
