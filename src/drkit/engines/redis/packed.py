"""The three ways in which Redis packs small collections into one text: listpack, ziplist, intset. Pure.

Every element comes out as the bytes that a client would get, however it was packed.
"""

import struct
from collections.abc import Iterator

from drkit.engines.redis.tape import damaged

_END = 0xFF
_LISTPACK_HEAD, _ZIPLIST_HEAD, _INTSET_HEAD = 6, 10, 8
_INTSETS = {2: "h", 4: "i", 8: "q"}


def listpack(packed: bytes) -> Iterator[bytes]:
    at = _LISTPACK_HEAD
    try:
        while (code := packed[at]) != _END:
            element, size = _listpack_element(packed, at, code)
            yield element
            at += size + _back(size)
    except IndexError:
        raise damaged("a listpack ends in the middle") from None


def _listpack_element(packed: bytes, at: int, code: int) -> tuple[bytes, int]:
    """Also how many bytes it takes, without those that say so to who reads backwards."""
    if code < 0x80:
        return b"%d" % code, 1
    if code < 0xC0:
        return _text(packed, at + 1, code & 0x3F), 1 + (code & 0x3F)
    if code < 0xE0:
        number = (code & 0x1F) << 8 | packed[at + 1]
        return b"%d" % (number - (1 << 13) if number >= 1 << 12 else number), 2
    if code < 0xF0:
        size = (code & 0x0F) << 8 | packed[at + 1]
        return _text(packed, at + 2, size), 2 + size
    if code == 0xF0:
        size = int.from_bytes(packed[at + 1 : at + 5], "little")
        return _text(packed, at + 5, size), 5 + size
    if code <= 0xF4:
        width = (2, 3, 4, 8)[code - 0xF1]
        return _number(packed, at + 1, width), 1 + width
    raise damaged("a listpack is spelled as none is")


def _back(size: int) -> int:
    for width, limit in enumerate((127, 16_382, 2_097_150, 268_435_454), 1):
        if size <= limit:
            return width
    return 5


def ziplist(packed: bytes) -> Iterator[bytes]:
    at = _ZIPLIST_HEAD
    try:
        while packed[at] != _END:
            at += 1 if packed[at] < 0xFE else 5
            code = packed[at]
            if code < 0xC0:
                if code < 0x40:
                    size, head = code, 1
                elif code < 0x80:
                    size, head = (code & 0x3F) << 8 | packed[at + 1], 2
                else:
                    size, head = int.from_bytes(packed[at + 1 : at + 5], "big"), 5
                yield _text(packed, at + head, size)
                at += head + size
            elif code in _ZIPLIST_WIDTHS:
                width = _ZIPLIST_WIDTHS[code]
                yield _number(packed, at + 1, width)
                at += 1 + width
            elif 0xF1 <= code <= 0xFD:
                yield b"%d" % ((code & 0x0F) - 1)
                at += 1
            else:
                raise damaged("a ziplist is spelled as none is")
    except IndexError:
        raise damaged("a ziplist ends in the middle") from None


_ZIPLIST_WIDTHS = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}


def intset(packed: bytes) -> Iterator[bytes]:
    width = int.from_bytes(packed[:4], "little")
    body = packed[_INTSET_HEAD:]
    if width not in _INTSETS or len(body) != width * int.from_bytes(packed[4:8], "little"):
        raise damaged("an intset is spelled as none is")
    for (found,) in struct.iter_unpack(f"<{_INTSETS[width]}", body):
        yield b"%d" % found


def _text(packed: bytes, at: int, size: int) -> bytes:
    if at + size >= len(packed):  # an end mark has to follow
        raise damaged("a packed text ends in the middle")
    return packed[at : at + size]


def _number(packed: bytes, at: int, width: int) -> bytes:
    if at + width >= len(packed):
        raise damaged("a packed number ends in the middle")
    return b"%d" % int.from_bytes(packed[at : at + width], "little", signed=True)
