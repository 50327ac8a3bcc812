"""What a table's rows, and all large objects, are in one value each; the same for a backup and for a restored database.

A table: the count and the SHA-256 of its COPY text in the order of the heap. A restored table is loaded in that order,
so copying it out again gives the same bytes if the rows are the same. Large objects have no order, so theirs is a sum.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from drkit.model import Digest
from drkit.ports import Chunks

Level = Literal["full", "counts", "off"]


@dataclass(frozen=True, slots=True)
class TableDigest:
    """`sha256` is None where only rows were counted."""

    rows: int
    size: int
    sha256: str | None


class RowDigest:
    """Takes COPY text as it flies by: a row is a line, as COPY escapes every other line end."""

    def __init__(self, level: Level = "full") -> None:
        self._rows = self._size = 0
        self._hash = sha256() if level == "full" else None

    def add(self, text: bytes, end: int | None = None) -> None:
        """Only the first `end` bytes of `text`, if that is given."""
        size = len(text) if end is None else end
        self._size += size
        self._rows += text.count(b"\n", 0, size)
        if self._hash:
            self._hash.update(memoryview(text)[:size])

    def watch(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            self.add(chunk)
            yield chunk

    def value(self) -> TableDigest:
        return TableDigest(self._rows, self._size, self._hash.hexdigest() if self._hash else None)


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """`sha256` is the sum, modulo 2**256, of the SHA-256 of `oid:SHA-256 of the content` of each."""

    count: int
    size: int
    sha256: str | None


class LargeObjectDigest:
    """Takes large objects in any order."""

    def __init__(self, level: Level = "full") -> None:
        self._count = self._size = self._sum = 0
        self._level = level

    def add(self, oid: int, content: Digest) -> None:
        self._count += 1
        self._size += content.size
        self._sum += int.from_bytes(sha256(f"{oid}:{content.sha256}".encode()).digest())

    def value(self) -> LargeObjects:
        shown = f"{self._sum % 2**256:064x}" if self._level == "full" else None
        return LargeObjects(self._count, self._size, shown)
