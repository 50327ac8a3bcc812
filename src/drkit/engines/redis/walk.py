"""A copy key by key, for servers that let nobody replicate: SCAN, then DUMP, made into an RDB file as it goes.

Each key is whole, with its expiry; but the keys are not of one moment. A key that is there from the first command to
the last is in it. It must not know what becomes of the bytes.
"""

import struct
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from drkit.engines.redis.facts import Facts
from drkit.engines.redis.line import Answer, Line, texts
from drkit.engines.redis.marks import is_mark
from drkit.engines.redis.payload import split_payload
from drkit.engines.redis.refusals import Refused
from drkit.ports import Chunks

_AT_ONCE = 200  # the server does nothing else while it answers these
_VALKEY = 80
_OLDEST = 9
_FUNCTION_FOOTER = 10


def walk(line: Line, facts: Facts) -> Chunks:
    functions = line.ask([("FUNCTION", "DUMP")])[0]
    dumped = functions if isinstance(functions, bytes) else b""
    first = next(_dumps(line, facts), None)
    version = split_payload(first[2])[2] if first else _version_of(dumped)
    magic = b"VALKEY%03d" if version >= _VALKEY else b"REDIS%04d"
    yield magic % version + _fact("valkey-ver" if facts.valkey else "redis-ver", facts.version or "?")
    yield dumped[:-_FUNCTION_FOOTER]
    database = None
    for number, key, payload, expires in _dumps(line, facts):
        parts = [] if number == database else [b"\xfe", _length(number)]
        database = number
        if expires is not None:
            parts.append(b"\xfc" + struct.pack("<q", expires))
        kind, value, _ = split_payload(payload)
        yield b"".join((*parts, bytes([kind]), _length(len(key)), key, value))
    yield b"\xff" + bytes(8)  # no checksum, which a file may say


def _dumps(line: Line, facts: Facts) -> Iterator[tuple[int, bytes, bytes, int | None]]:
    """Database, key, payload, and expiry in milliseconds since 1970."""
    if not facts.said:
        raise Refused("NOPERM the 'info' command")  # it names the databases
    for database in sorted(facts.databases):
        line.call("SELECT", database)
        for keys in _once(_scan(line)):
            for at in range(0, len(keys), _AT_ONCE):
                yield from ((database, *each) for each in _dump(line, keys[at : at + _AT_ONCE]))


def _once(found: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    """A key may be told of several times, and no file may hold it twice. A digest of each is held."""
    seen: set[bytes] = set()
    for keys in found:
        fresh = {blake2b(key, digest_size=16).digest(): key for key in keys if not is_mark(key)}
        yield [key for name, key in fresh.items() if name not in seen]
        seen.update(fresh)


def _scan(line: Line) -> Iterator[list[bytes]]:
    cursor = b"0"
    while True:
        answer = line.call("SCAN", cursor, "COUNT", 1000)
        assert isinstance(answer, list), "as the protocol has it"  # noqa: S101
        cursor, keys = answer[0] if isinstance(answer[0], bytes) else b"0", texts(answer[1])
        yield keys
        if cursor == b"0":
            return


def _dump(line: Line, keys: Sequence[bytes]) -> Iterator[tuple[bytes, bytes, int | None]]:
    """In one transaction, so that no expiry changes between the two questions."""
    questions = [("DUMP", key) for key in keys], [("PEXPIRETIME", key) for key in keys]
    answers = _transact(line, [*questions[0], *questions[1]])
    if any(isinstance(each, Refused) and each.unknown for each in answers):  # before Redis 7
        answers = _transact(line, [*questions[0], *[("PTTL", key) for key in keys], ("TIME",)])
        seconds, micros = (int(each) for each in texts(answers.pop()))
        now = seconds * 1000 + micros // 1000
        answers = answers[: len(keys)] + [
            each + now if isinstance(each, int) and each >= 0 else each for each in answers[len(keys) :]
        ]
    for each in answers:
        if isinstance(each, Refused):
            raise each
    for key, payload, expires in zip(keys, answers[: len(keys)], answers[len(keys) :], strict=True):
        if isinstance(payload, bytes):  # or it is gone meanwhile
            yield key, payload, expires if isinstance(expires, int) and expires >= 0 else None


def _transact(line: Line, commands: Sequence[tuple[str | bytes, ...]]) -> list[Answer]:
    answers = line.ask([("MULTI",), *commands, ("EXEC",)])
    if isinstance(answers[-1], list):
        return answers[-1]
    return [next((each for each in answers if isinstance(each, Refused)), Refused("ERR EXEC gave nothing"))]


def _version_of(functions: bytes) -> int:
    return split_payload(functions)[2] if len(functions) > _FUNCTION_FOOTER else _OLDEST


def _fact(name: str, value: str) -> bytes:
    return b"\xfa" + b"".join(_length(len(each)) + each.encode() for each in (name, value))


def _length(number: int) -> bytes:
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return struct.pack(">H", number | 0x4000)
    return struct.pack(">BI", 0x80, number)
