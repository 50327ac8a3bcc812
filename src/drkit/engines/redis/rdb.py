"""An RDB file as it flows by: its head, then functions and keys, each value as it lies there.

Of values it knows where each ends, and no more. What it does not know it says, and reads no further.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from drkit.engines.redis.tape import Tape, damaged
from drkit.errors import NotRestorable
from drkit.ports import Chunks

Step = Callable[[Tape], object]
Steps = tuple[Step, ...]

# https://github.com/redis/redis/blob/unstable/src/rdb.h
_SLOT_INFO, _FUNCTION, _IDLE, _FREQUENCY, _MODULE, _AUX, _SIZES = 244, 245, 248, 249, 247, 250, 251
_EXPIRES, _EXPIRES_IN_SECONDS, _DATABASE, _END = 252, 253, 254, 255
STRING, LIST, SET, ZSET, HASH, ZSET_BINARY, MODULE = 0, 1, 2, 3, 4, 5, 7
LIST_ZIPLIST, SET_INTSET, ZSET_ZIPLIST, HASH_ZIPLIST = 10, 11, 12, 13
LIST_ZIPLISTS, STREAM, HASH_LISTPACK, ZSET_LISTPACK, LIST_NODES, STREAM_2, SET_LISTPACK, STREAM_3 = range(14, 22)
HASH_TTL_VALKEY, HASH_TTL, HASH_TTL_LISTPACK = 22, 24, 25
STREAMS = {STREAM: 1, STREAM_2: 2, STREAM_3: 3}
_MODULE_END, _MODULE_SIGNED, _MODULE_UNSIGNED, _MODULE_FLOAT, _MODULE_DOUBLE, _MODULE_TEXT = range(6)
_CHECKSUM = 8
_HINT = "a newer drkit may know it; restore to a file, and start a server with it as its dump.rdb"


@dataclass(frozen=True, slots=True)
class Head:
    """`version` is the format's. `facts` are what the server says of itself and of the snapshot."""

    magic: bytes
    version: int
    facts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def valkey(self) -> bool:
        return self.magic == b"VALKEY" or "valkey-ver" in self.facts

    @property
    def server(self) -> str:
        """As people say it: its name and version."""
        told = self.facts.get("valkey-ver" if self.valkey else "redis-ver", b"?").decode(errors="replace")
        return f"{'Valkey' if self.valkey else 'Redis'} {told}"

    @property
    def second(self) -> int | None:
        """When the snapshot was taken, by the server's clock."""
        told = self.facts.get("ctime", b"")
        return int(told) if told.isdigit() else None


@dataclass(frozen=True, slots=True)
class Function:
    """A library: its code."""

    code: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """`value` is what lies in the file for it; `expires` are milliseconds since 1970."""

    database: int
    key: bytes
    kind: int
    value: bytes
    expires: int | None


def read_head(chunks: Chunks) -> tuple[Head, Chunks]:
    """The head, and all the chunks, those that were read for it among them."""
    held: list[bytes] = []

    def noted() -> Chunks:
        for chunk in chunks:
            held.append(chunk)
            yield chunk

    head = _head(Tape(noted()))
    return head, chain(held, chunks)


def entries(chunks: Chunks) -> Iterator[Function | Entry]:
    """To the end of the file, which has to come, and nothing after it."""
    tape = Tape(chunks)
    head = _head(tape)
    database: int = 0
    expires: int | None = None
    while True:
        tape.begin()
        code = tape.byte()
        if code == _END:
            break
        if code == _EXPIRES:
            expires = tape.moment()
        elif code == _EXPIRES_IN_SECONDS:
            expires = int.from_bytes(tape.take(4), "little") * 1000
        elif code == _DATABASE:
            database = tape.length()
        elif code == _FUNCTION:
            yield Function(tape.text())
        elif code in _SKIPPED:
            for step in _SKIPPED[code]:
                step(tape)
        else:
            key = tape.text()
            start = tape.at
            _skip_value(tape, code, head)
            yield Entry(database, key, code, tape.since(start), expires)
            expires = None
    tape.skip(_CHECKSUM)
    if tape.more():
        raise damaged("something follows its end")


def _head(tape: Tape) -> Head:
    magic = tape.take(5)
    if magic == b"VALKE":
        magic += tape.take(1)
    digits = tape.take(9 - len(magic))
    if magic not in (b"REDIS", b"VALKEY") or not digits.isdigit():
        raise damaged("it does not begin as one")
    facts: dict[str, bytes] = {}
    while tape.peek() == _AUX:
        tape.byte()
        name = tape.text().decode(errors="replace")
        facts[name] = tape.text()
    return Head(magic, int(digits), facts)


def _skip_value(tape: Tape, kind: int, head: Head) -> None:
    if kind in _TEXTS:
        tape.skip_text()
    elif kind in _RUNS and (kind != HASH_TTL_VALKEY or head.version >= _VALKEY):
        _repeat(tape, _RUNS[kind])
    elif kind in STREAMS:
        _skip_stream(tape, STREAMS[kind])
    elif kind == MODULE:
        tape.length()
        _skip_module(tape)
    elif kind == HASH_TTL:
        _skip_moment(tape)
        _repeat(tape, (Tape.length, Tape.skip_text, Tape.skip_text))
    elif kind == HASH_TTL_LISTPACK:
        _skip_moment(tape)
        tape.skip_text()
    else:
        raise NotRestorable(
            f"the snapshot of {head.server} holds a value of kind {kind}, which drkit does not know", _HINT
        )


def _repeat(tape: Tape, steps: Steps) -> None:
    for _ in range(tape.length()):
        for step in steps:
            step(tape)


def _skip_moment(tape: Tape) -> None:
    tape.skip(8)


def _skip_score(tape: Tape) -> None:
    """Written out, unless it is one of three that have no digits."""
    size = tape.byte()
    if size < 253:
        tape.skip(size)


def _skip_stream(tape: Tape, version: int) -> None:
    _repeat(tape, (Tape.skip_text, Tape.skip_text))
    for _ in range(3 if version == 1 else 8):  # how many, the last ID; later more of its past
        tape.length()
    for _ in range(tape.length()):
        tape.skip_text()
        for _ in range(2 if version == 1 else 3):
            tape.length()
        _repeat(tape, (lambda each: each.skip(16), _skip_moment, Tape.length))
        for _ in range(tape.length()):
            tape.skip_text()
            tape.skip(8 if version < 3 else 16)
            tape.skip(16 * tape.length())


def _skip_module(tape: Tape) -> None:
    while (code := tape.length()) != _MODULE_END:
        if code in (_MODULE_SIGNED, _MODULE_UNSIGNED):
            tape.length()
        elif code in (_MODULE_FLOAT, _MODULE_DOUBLE):
            tape.skip(4 if code == _MODULE_FLOAT else 8)
        elif code == _MODULE_TEXT:
            tape.skip_text()
        else:
            raise damaged("a module's value is spelled as none is")


def _skip_module_facts(tape: Tape) -> None:
    tape.length()
    _skip_module(tape)


_VALKEY = 80
_TEXTS = {STRING, 9, LIST_ZIPLIST, SET_INTSET, ZSET_ZIPLIST, HASH_ZIPLIST, HASH_LISTPACK, ZSET_LISTPACK, SET_LISTPACK}
_RUNS: Mapping[int, Steps] = {
    LIST: (Tape.skip_text,),
    SET: (Tape.skip_text,),
    LIST_ZIPLISTS: (Tape.skip_text,),
    ZSET: (Tape.skip_text, _skip_score),
    ZSET_BINARY: (Tape.skip_text, _skip_moment),
    HASH: (Tape.skip_text, Tape.skip_text),
    LIST_NODES: (Tape.length, Tape.skip_text),
    HASH_TTL_VALKEY: (Tape.skip_text, Tape.skip_text, _skip_moment),
}
_SKIPPED: Mapping[int, Steps] = {
    _AUX: (Tape.skip_text, Tape.skip_text),
    _SIZES: (Tape.length, Tape.length),
    _SLOT_INFO: (Tape.length, Tape.length, Tape.length),
    _IDLE: (Tape.length,),
    _FREQUENCY: (Tape.byte,),
    _MODULE: (_skip_module_facts,),
}
