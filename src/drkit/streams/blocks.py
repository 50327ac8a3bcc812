"""Chunks of any size made into blocks of one size, with as few copies as can be."""

from collections.abc import Iterator

from drkit.ports import Chunks


def blocks(chunks: Chunks, size: int) -> Iterator[bytes]:
    """Every block has `size` bytes, but for the last, which may be shorter and is never empty."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        if not held and len(chunk) == size:
            yield chunk
            continue
        start = 0
        while held_bytes + len(chunk) - start >= size:
            end = start + size - held_bytes
            yield b"".join((*held, memoryview(chunk)[start:end]))
            held, held_bytes, start = [], 0, end
        if start < len(chunk):
            held.append(chunk[start:])
            held_bytes += len(chunk) - start
    if held:
        yield b"".join(held)


class Cursor:
    """Reads exact lengths out of chunks."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """`size` bytes, or fewer only where the stream ends."""
        parts: list[memoryview] = []
        while size:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
                continue
            part, self._rest = self._rest[:size], self._rest[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
