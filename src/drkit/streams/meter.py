"""Counting and hashing what flows by, without holding it."""

from collections.abc import Callable
from hashlib import sha256

from drkit.model import Digest
from drkit.ports import Chunks


class Tally:
    """Counts bytes, and tells a listener of each chunk's."""

    def __init__(self, listener: Callable[[int], None] = lambda _: None) -> None:
        self.size = 0
        self._listener = listener

    def watch(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            self.size += len(chunk)
            self._listener(len(chunk))
            yield chunk


class Hasher:
    """Counts bytes and takes their SHA-256."""

    def __init__(self) -> None:
        self._size = 0
        self._hash = sha256()

    def watch(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            self._size += len(chunk)
            self._hash.update(chunk)
            yield chunk

    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest(), self._size)
