"""A stream of bytes with a place in it, as an RDB file is read: no further than needed, and one entry held at most.

It must not know what the bytes mean beyond lengths and strings.
"""

import struct

from drkit.engines.redis.lzf import decompress
from drkit.errors import IntegrityError, NotRestorable
from drkit.ports import Chunks

LARGEST = 512 << 20  # of a value: no server takes or gives more in one command
_TRIMMED = 1 << 20
_INT8, _INT16, _INT32, _LZF = range(4)


class Tape:
    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._data = bytearray()
        self._at = 0
        self._begun = 0

    def begin(self) -> None:
        """What comes next is an entry of its own: what lies before it is let go."""
        if self._at > _TRIMMED:
            del self._data[: self._at]
            self._at = 0
        self._begun = self._at

    @property
    def at(self) -> int:
        """A place in this entry, for `since`."""
        return self._at

    def since(self, place: int) -> bytes:
        return bytes(self._data[place : self._at])

    def skip(self, size: int) -> int:
        """Where what was skipped begins."""
        start = self._at
        end = start + size
        if end > len(self._data):
            self._fill(end)
        self._at = end
        return start

    def take(self, size: int) -> bytes:
        start = self.skip(size)
        return bytes(self._data[start : self._at])

    def byte(self) -> int:
        return self._data[self.skip(1)]

    def peek(self) -> int:
        found = self.byte()
        self._at -= 1
        return found

    def more(self) -> bool:
        """Whether anything is left."""
        while self._at == len(self._data):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._data += chunk
        return True

    def moment(self) -> int:
        """Milliseconds since 1970."""
        (found,) = struct.unpack("<q", self.take(8))
        return int(found)

    def length(self) -> int:
        found, encoded = self._length()
        if encoded:
            raise damaged("a length is a string")
        return found

    def text(self) -> bytes:
        size, encoded = self._length()
        if not encoded:
            return self.take(size)
        if size == _LZF:
            packed, plain = self.length(), self.length()
            if plain > LARGEST:
                raise damaged("a text claims more than any server holds")
            return decompress(self.take(packed), plain)
        return b"%d" % int.from_bytes(self.take(1 << size), "little", signed=True)

    def skip_text(self) -> None:
        size, encoded = self._length()
        if not encoded:
            self.skip(size)
        elif size == _LZF:
            packed = self.length()
            self.length()
            self.skip(packed)
        else:
            self.skip(1 << size)

    def _length(self) -> tuple[int, bool]:
        first = self.byte()
        kind = first >> 6
        if kind == 0:
            return first, False
        if kind == 1:
            return (first & 0x3F) << 8 | self.byte(), False
        if first == 0x80:
            return int.from_bytes(self.take(4), "big"), False
        if first == 0x81:
            return int.from_bytes(self.take(8), "big"), False
        if kind == 3 and first & 0x3F <= _LZF:
            return first & 0x3F, True
        raise damaged("a length is spelled as none is")

    def _fill(self, end: int) -> None:
        if end - self._begun > LARGEST:
            raise NotRestorable(
                f"a value takes more than {LARGEST >> 20} MiB, which no command takes",
                "restore to a file, and start a server with it as its dump.rdb",
            )
        while len(self._data) < end:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise damaged("it ends in the middle")
            self._data += chunk


def damaged(how: str) -> IntegrityError:
    return IntegrityError(f"the snapshot is not an RDB file that a server wrote: {how}")
