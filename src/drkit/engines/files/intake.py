"""Exact portions of a stream of chunks. Must not know what they mean."""

from collections.abc import Iterator

from drkit.disk.names import printable
from drkit.errors import IntegrityError
from drkit.ports import Chunks


class Intake:
    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")

    def take(self, size: int, path: str) -> bytes:
        return b"".join(self.portions(size, path))

    def portions(self, size: int, path: str) -> Iterator[memoryview]:
        """`size` bytes in pieces as they come; an IntegrityError that names `path` when the stream ends before."""
        while size:
            if not self._held:
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise IntegrityError(f"The archive of the files ends too early, at {printable(path)!r}.")
                self._held = memoryview(chunk)
            portion = self._held[:size]
            self._held = self._held[len(portion) :]
            size -= len(portion)
            yield portion

    def expect_end(self) -> None:
        """Reads to the end, where a stream that was cut or tampered with says so."""
        if self._held or any(self._chunks):
            raise IntegrityError("The archive of the files goes on after its end.")
