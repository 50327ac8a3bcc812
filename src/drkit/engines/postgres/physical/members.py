"""The tar stream of one archive, cut between its members into archives that are each whole.

It reads what PostgreSQL writes: plain ustar headers, sizes in octal or in base 256, and on newer servers the end mark.
"""

from collections.abc import Iterator

from drkit.errors import CaptureError
from drkit.ports import Chunks

BLOCK = 512
END = bytes(2 * BLOCK)
_KNOWN = b"\x0005"  # files, and folders; links of tablespaces follow
_LINK = ord("2")


def cut_members(chunks: Chunks, size: int) -> Iterator[tuple[int, bytes]]:
    """Each chunk with the number of the piece that it belongs to. A piece ends at the first member's end after `size`
    bytes; no piece is without a member but that of an archive that has none."""
    number = written = left = 0
    head = b""
    over = False
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest and not over:
            if left:
                part, rest = rest[:left], rest[left:]
                left -= len(part)
                written += len(part)
                yield number, bytes(part)
                continue
            part, rest = rest[: BLOCK - len(head)], rest[BLOCK - len(head) :]
            head += part
            if len(head) == BLOCK:
                if over := not any(head):
                    break
                if written >= size:
                    yield number, END
                    number, written = number + 1, 0
                left = -(-_size_of(head) // BLOCK) * BLOCK
                written += BLOCK
                yield number, head
                head = b""
    if left or (head and not over):
        raise CaptureError("the server's archive ends inside a file", "look into the server's log, and run it again")
    yield number, END


def _size_of(head: bytes) -> int:
    kind, field = head[156], head[124:136]
    if kind == _LINK:
        return 0
    if kind not in _KNOWN:
        raise CaptureError(
            f"the server's archive has a member of the type {chr(kind)!r}, which drkit does not know",
            "this drkit is older than the server: update it",
        )
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & (1 << 95) - 1
    return int(field.rstrip(b"\0 ") or b"0", 8)
