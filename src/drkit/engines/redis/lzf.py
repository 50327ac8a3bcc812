"""LZF, as Redis packs texts in its files. Pure; a hostile input can claim no more than it is told to give."""

from drkit.errors import IntegrityError


def decompress(packed: bytes, size: int) -> bytes:
    """Exactly `size` bytes, or an IntegrityError."""
    plain = bytearray()
    at, end = 0, len(packed)
    try:
        while at < end:
            control = packed[at]
            at += 1
            if control < 32:
                plain += packed[at : at + control + 1]
                at += control + 1
            else:
                length = control >> 5
                if length == 7:
                    length += packed[at]
                    at += 1
                back = (control & 0x1F) << 8 | packed[at]
                at += 1
                start, length = len(plain) - back - 1, length + 2
                if start < 0:
                    raise _broken()
                seen = plain[start : start + length]
                if len(seen) < length:  # it repeats what it has only begun to write
                    seen = (seen * (length // len(seen) + 1))[:length]
                plain += seen
            if len(plain) > size:
                raise _broken()
    except IndexError:
        raise _broken() from None
    if at != end or len(plain) != size:
        raise _broken()
    return bytes(plain)


def _broken() -> IntegrityError:
    return IntegrityError("the snapshot holds a compressed text that does not hold what it says")
