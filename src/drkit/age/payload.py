"""The encrypted body of an age file: 64 KiB chunks, each sealed by itself, the last one marked as the last.

It must not know where the key comes from.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from drkit.errors import IntegrityError

CHUNK = 64 * 1024
TAG = 16
SEALED = CHUNK + TAG

# What is handed on at once. Bigger is not faster, and smaller costs whoever comes next.
_GROUP = 16

_HINT = "Use another copy, or another point in time."


def encrypt(key: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    cipher = ChaCha20Poly1305(key)
    # One buffer that stays warm and one copy out of it cost half of what fresh, untouched memory does.
    buffer = memoryview(bytearray(_GROUP * SEALED))
    filled = 0
    for number, (chunk, last) in enumerate(_regroup(chunks, CHUNK)):
        room = buffer[filled : filled + len(chunk) + TAG]
        filled += cipher.encrypt_into(_nonce(number, last), chunk, None, room)
        if last or filled == len(buffer):
            yield bytes(buffer[:filled])
            filled = 0


def decrypt(key: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Only authenticated plaintext, in order; all of it that precedes a damaged chunk comes before the error."""
    opener = _Opener(key)
    buffer = memoryview(bytearray(_GROUP * CHUNK))
    filled = 0
    for number, (sealed, at_end) in enumerate(_regroup(chunks, SEALED)):
        try:
            size, last = opener.open(number, at_end, sealed, buffer[filled:])
            filled += size
            _check_end(number, last, at_end)
        except IntegrityError:
            if filled:
                yield bytes(buffer[:filled])
            raise
        if filled and (at_end or filled == len(buffer)):
            yield bytes(buffer[:filled])
            filled = 0


class Reader:
    """Any part of the plaintext, without what stands before it.

    `read(start, end)` gives the bytes of the encrypted file, whose payload is from `start` to `end`. Opening reads the
    last chunk: it proves that the end is the end.
    """

    def __init__(self, key: bytes, read: Callable[[int, int], bytes], start: int, end: int) -> None:
        self._opener = _Opener(key)
        self._read = read
        self._start = start
        self._end = end
        self._last = max(0, -((start - end) // SEALED) - 1)
        self._open(self._last, self._last)
        self.size = end - start - TAG * (self._last + 1)

    def read(self, start: int, end: int) -> bytes:
        """What slicing the whole plaintext would give, for 0 <= start; each chunk in it is checked."""
        end = min(end, self.size)
        if start >= end:
            return b""
        first = start // CHUNK
        plain = self._open(first, (end - 1) // CHUNK)
        return bytes(plain[start - first * CHUNK : end - first * CHUNK])

    def _open(self, first: int, last: int) -> memoryview:
        start = self._start + first * SEALED
        end = min(self._start + (last + 1) * SEALED, self._end)
        sealed = memoryview(self._read(start, end))
        plain = memoryview(bytearray((last - first + 1) * CHUNK))
        filled = 0
        for number in range(first, last + 1):
            piece = sealed[(number - first) * SEALED : (number - first + 1) * SEALED]
            size, marked = self._opener.open(number, number == self._last, piece, plain[filled:])
            _check_end(number, marked, number == self._last)
            filled += size
        return plain[:filled]


class _Opener:
    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def open(self, number: int, at_end: bool, sealed: bytearray | memoryview, room: memoryview) -> tuple[int, bool]:
        """Writes the plaintext to the front of `room`; says how long it is and whether it is marked as the last."""
        size = len(sealed) - TAG
        # An empty chunk is only ever the whole of an empty payload; else one file would have two forms.
        if size < 0 or (size == 0 and number > 0):
            raise _damaged(number)
        # A full chunk with the wrong mark is sound all the same: it tells a missing end from damage.
        for last in (at_end, not at_end) if size == CHUNK else (at_end,):
            with suppress(InvalidTag):
                return self._cipher.decrypt_into(_nonce(number, last), sealed, None, room[:size]), last
        raise _damaged(number)


def _check_end(number: int, last: bool, at_end: bool) -> None:
    if at_end and not last:
        raise IntegrityError(
            f"The age payload is cut short: it ends with chunk {number}, which is not its last.", hint=_HINT
        )
    if last and not at_end:
        raise IntegrityError(f"Something follows the age payload, whose last chunk is {number}.", hint=_HINT)


def _damaged(number: int) -> IntegrityError:
    return IntegrityError(
        f"The age payload is damaged or cut short at chunk {number} (its byte {number * SEALED}).", hint=_HINT
    )


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11) + last.to_bytes(1)


def _regroup(chunks: Iterator[bytes], size: int) -> Iterator[tuple[bytearray | memoryview, bool]]:
    """Pieces of exactly `size`, and a last one of at most that, marked True. Nothing at all is one empty piece.

    Only what straddles two inputs is copied. A piece is valid until the next one is pulled.
    """
    kept = bytearray()
    for chunk in chunks:
        if len(kept) + len(chunk) <= size:
            kept += chunk
            continue
        view = memoryview(chunk)
        at = 0
        if kept:
            at = size - len(kept)
            kept += view[:at]
            yield kept, False
            kept = bytearray()
        while len(view) - at > size:
            yield view[at : at + size], False
            at += size
        kept += view[at:]
    yield kept, True
