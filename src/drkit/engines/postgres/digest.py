"""What a table's rows are, in one value: the count and the SHA-256 of its COPY text, in the order of the heap.

A restored table is loaded in that order, so copying it out again gives the same bytes if the rows are the same.
"""

from dataclasses import dataclass
from hashlib import sha256

from drkit.ports import Chunks


@dataclass(frozen=True, slots=True)
class TableDigest:
    rows: int
    size: int
    sha256: str


class RowDigest:
    """Takes COPY text as it flies by: a row is a line, as COPY escapes every other line end."""

    def __init__(self) -> None:
        self._rows = self._size = 0
        self._hash = sha256()

    def add(self, text: bytes | memoryview) -> None:
        self._hash.update(text)
        self._size += len(text)
        self._rows += bytes(text).count(b"\n")

    def watch(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            self.add(chunk)
            yield chunk

    def value(self) -> TableDigest:
        return TableDigest(self._rows, self._size, self._hash.hexdigest())
