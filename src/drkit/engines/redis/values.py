"""What a value holds, whichever way it is encoded: as a digest that is the same wherever it was restored. Pure.

Fields of a hash that expire by themselves come apart from the rest, as they may be gone any moment.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from drkit.engines.redis import rdb
from drkit.engines.redis.packed import intset, listpack, ziplist
from drkit.engines.redis.tape import Tape, damaged

Pair = tuple[bytes, bytes]
SIZE = 32
_NEVER = -1
_PLAIN_NODE, _PACKED_NODE = 1, 2
_SPECIAL = {253: float("nan"), 254: float("inf"), 255: float("-inf")}


@dataclass(frozen=True, slots=True)
class Value:
    """`fleeting` are a hash's fields that expire: when, and the digest of each. `bare`: there are no others."""

    digest: bytes
    fleeting: tuple[tuple[int, bytes], ...] = ()
    bare: bool = False


def read_value(kind: int, raw: bytes) -> Value:
    tape = Tape(iter([raw]))
    if kind in _HASHES_WITH_TTL:
        return _read_hash(_HASHES_WITH_TTL[kind](tape))
    name, elements = _READERS[kind](tape)
    return Value(digest(name, *elements))


def digest(*parts: bytes) -> bytes:
    """Of all of them, and of where each ends."""
    found = blake2b(digest_size=SIZE)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def _read_hash(fields: Iterable[tuple[bytes, bytes, int]]) -> Value:
    lasting: list[Pair] = []
    fleeting: list[tuple[int, bytes]] = []
    for name, value, expires in fields:
        if expires == _NEVER:
            lasting.append((name, value))
        else:
            fleeting.append((expires, digest(name, value, b"%d" % expires)))
    return Value(digest(b"hash", *_sorted_pairs(lasting)), tuple(fleeting), bare=not lasting)


def _texts(tape: Tape, many: int = 1) -> Iterator[bytes]:
    for _ in range(tape.length() * many):
        yield tape.text()


def _pairs(elements: Iterator[bytes]) -> Iterator[Pair]:
    for each in elements:
        other = next(elements, None)
        if other is None:
            raise damaged("a packed pair lacks its second half")
        yield each, other


def _sorted_pairs(pairs: Iterable[Pair]) -> Iterator[bytes]:
    for pair in sorted(pairs):
        yield from pair


def _scored(pairs: Iterable[Pair]) -> Iterator[bytes]:
    try:
        plain = [(member, struct.pack("<d", float(score))) for member, score in pairs]
    except ValueError:
        raise damaged("a score is not a number") from None
    return _sorted_pairs(plain)


def _scores_written(tape: Tape) -> Iterator[Pair]:
    for _ in range(tape.length()):
        member, size = tape.text(), tape.byte()
        yield member, str(_SPECIAL[size]).encode() if size in _SPECIAL else tape.take(size)


def _scores_binary(tape: Tape) -> Iterator[Pair]:
    for _ in range(tape.length()):
        yield tape.text(), tape.take(8)


def _list_ziplists(tape: Tape) -> Iterator[bytes]:
    for _ in range(tape.length()):
        yield from ziplist(tape.text())


def _list_nodes(tape: Tape) -> Iterator[bytes]:
    for _ in range(tape.length()):
        container, text = tape.length(), tape.text()
        if container == _PACKED_NODE:
            yield from listpack(text)
        elif container == _PLAIN_NODE:
            yield text
        else:
            raise damaged("a list's node is of no kind that there is")


def _read_stream(tape: Tape, version: int) -> Iterator[bytes]:
    """Its entries, its last ID, and its groups with what is pending for whom; not its statistics, which newer versions
    keep and older ones do not."""
    for _ in range(tape.length()):
        yield tape.text()
        yield tape.text()
    yield _numbers(tape, 3)
    if version > 1:
        _numbers(tape, 5)
    for _ in range(tape.length()):
        yield tape.text()
        yield _numbers(tape, 2)
        if version > 1:
            tape.length()
        for _ in range(tape.length()):
            yield tape.take(24)
            yield _numbers(tape, 1)
        for _ in range(tape.length()):
            yield tape.text()
            yield tape.take(8)
            if version > 2:
                tape.take(8)
            yield tape.take(16 * tape.length())


def _numbers(tape: Tape, many: int) -> bytes:
    return b" ".join(b"%d" % tape.length() for _ in range(many))


def _fields_valkey(tape: Tape) -> Iterator[tuple[bytes, bytes, int]]:
    for _ in range(tape.length()):
        yield tape.text(), tape.text(), tape.moment()


def _fields_redis(tape: Tape) -> Iterator[tuple[bytes, bytes, int]]:
    first = tape.moment()
    for _ in range(tape.length()):
        later = tape.length()
        yield tape.text(), tape.text(), first + later - 1 if later else _NEVER


def _fields_packed(tape: Tape) -> Iterator[tuple[bytes, bytes, int]]:
    tape.moment()
    elements = listpack(tape.text())
    for name, value in _pairs(_triplets(elements)):
        yield name, value[8:], int.from_bytes(value[:8], "little", signed=True)


def _triplets(elements: Iterator[bytes]) -> Iterator[bytes]:
    """As pairs: the expiry goes before the value."""
    for name, value in _pairs(elements):
        try:
            expires = (int(next(elements, b"?")) or _NEVER).to_bytes(8, "little", signed=True)
        except (ValueError, OverflowError):
            raise damaged("a field's expiry is no number") from None
        yield name
        yield expires + value


_HASHES_WITH_TTL: Mapping[int, Callable[[Tape], Iterator[tuple[bytes, bytes, int]]]] = {
    rdb.HASH_TTL_VALKEY: _fields_valkey,
    rdb.HASH_TTL: _fields_redis,
    rdb.HASH_TTL_LISTPACK: _fields_packed,
}
_READERS: Mapping[int, Callable[[Tape], tuple[bytes, Iterable[bytes]]]] = {
    rdb.STRING: lambda tape: (b"string", [tape.text()]),
    rdb.LIST: lambda tape: (b"list", _texts(tape)),
    rdb.LIST_ZIPLIST: lambda tape: (b"list", ziplist(tape.text())),
    rdb.LIST_ZIPLISTS: lambda tape: (b"list", _list_ziplists(tape)),
    rdb.LIST_NODES: lambda tape: (b"list", _list_nodes(tape)),
    rdb.SET: lambda tape: (b"set", sorted(_texts(tape))),
    rdb.SET_INTSET: lambda tape: (b"set", sorted(intset(tape.text()))),
    rdb.SET_LISTPACK: lambda tape: (b"set", sorted(listpack(tape.text()))),
    rdb.ZSET: lambda tape: (b"zset", _scored(_scores_written(tape))),
    rdb.ZSET_BINARY: lambda tape: (b"zset", _sorted_pairs(_scores_binary(tape))),
    rdb.ZSET_ZIPLIST: lambda tape: (b"zset", _scored(_pairs(ziplist(tape.text())))),
    rdb.ZSET_LISTPACK: lambda tape: (b"zset", _scored(_pairs(listpack(tape.text())))),
    rdb.HASH: lambda tape: (b"hash", _sorted_pairs(_pairs(_texts(tape, 2)))),
    rdb.HASH_ZIPLIST: lambda tape: (b"hash", _sorted_pairs(_pairs(ziplist(tape.text())))),
    rdb.HASH_LISTPACK: lambda tape: (b"hash", _sorted_pairs(_pairs(listpack(tape.text())))),
    rdb.STREAM: lambda tape: (b"stream", _read_stream(tape, 1)),
    rdb.STREAM_2: lambda tape: (b"stream", _read_stream(tape, 2)),
    rdb.STREAM_3: lambda tape: (b"stream", _read_stream(tape, 3)),
    rdb.MODULE: lambda tape: (b"module", [_numbers(tape, 1)]),  # how it writes the rest is its own affair
}


def is_read(kind: int) -> bool:
    return kind in _READERS or kind in _HASHES_WITH_TTL
