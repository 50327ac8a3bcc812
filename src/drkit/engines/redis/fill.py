"""A running server filled over the wire: each key by RESTORE, as it lies in the file, with its expiry to the
millisecond; then read back and compared, and only then taken for restored.

It must not know where the file comes from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from drkit.engines.redis.facts import look_at, server_time
from drkit.engines.redis.fingerprint import Comparison, Fingerprint, compare
from drkit.engines.redis.line import Line, Server, Word
from drkit.engines.redis.marks import is_mark
from drkit.engines.redis.payload import make_payload
from drkit.engines.redis.rdb import Entry, Function, Head, entries, read_head
from drkit.engines.redis.refusals import Refused, explain_refused
from drkit.engines.redis.replica import snapshot
from drkit.engines.redis.target import claim, explain_busy, filling, format_of, release
from drkit.engines.redis.walk import walk
from drkit.errors import DrkitError, NotRestorable, ObjectiveMissed
from drkit.ports import Chunks, Clock

_BATCH_BYTES, _BATCH_KEYS = 1 << 20, 500


@dataclass(frozen=True, slots=True)
class Filled:
    """`expired` keys had come to their end by the time of the comparison."""

    wanted: Fingerprint
    expired: int
    compared: bool
    notes: tuple[str, ...]


def fill(server: Server, point: str, chunks: Chunks, clock: Clock, *, compared: bool = True) -> Filled:
    head, chunks = read_head(chunks)
    wanted = Fingerprint()
    with filling(server) as line:
        again = claim(line, point)
        _insist_on_format(line, head)
        _put_all(line, wanted.watch(entries(chunks)), head.version, again)
        reading = partial(read_back, server, clock)
        notes, until, differences = _judge(line, wanted, reading) if compared else ((), server_time(line), [])
        if differences:
            first = differences[0]
            raise ObjectiveMissed(
                f"{server} does not hold what was captured: {first.subject} has {first.found}, not {first.expected}",
                "somebody else may have written into it, or its maxmemory evicts keys; it is marked as unfinished",
            )
        release(line)
    return Filled(wanted, wanted.expiring(until), compared and not notes, notes)


def read_back(server: Server, clock: Clock) -> Fingerprint:
    """By replication, or key by key where that is not allowed."""
    with server.line() as line:
        facts = look_at(line, clock)
    found = Fingerprint()
    try:
        with snapshot(server, facts.version if facts.valkey else "") as taken:
            for each in entries(taken):
                found.add(each)
    except NotRestorable:
        found = Fingerprint()
        with server.line() as line:
            for each in entries(walk(line, facts)):
                found.add(each)
    return found


def _judge(
    line: Line, wanted: Fingerprint, reading: partial[Fingerprint]
) -> tuple[tuple[str, ...], int, list[Comparison]]:
    try:
        found = reading()
    except NotRestorable as error:
        return (f"what was restored could not be read back: {error}",), server_time(line), []
    until = server_time(line)
    return (), until, [each for each in compare(wanted, found, until) if not each.same]


def _insist_on_format(line: Line, head: Head) -> None:
    if head.version > (theirs := format_of(line)):
        release(line)
        raise NotRestorable(
            f"{line.server} reads version {theirs} of the format, and what was captured from {head.server} is of"
            f" version {head.version}",
            f"restore to a server of {head.server} or a newer one",
        )


def _put_all(line: Line, found: Iterator[Function | Entry], version: int, again: bool) -> None:
    batch: list[Sequence[Word]] = []
    size, database = 0, 0
    for each in found:
        if isinstance(each, Entry) and is_mark(each.key):
            continue
        if isinstance(each, Entry) and each.database != database:
            database = each.database
            batch.append(("SELECT", database))
        batch.append(_put(each, version))
        size += len(each.code if isinstance(each, Function) else each.value)
        if size > _BATCH_BYTES or len(batch) > _BATCH_KEYS:
            _send(line, batch, again)
            batch, size = [], 0
    _send(line, batch, again)


def _put(each: Function | Entry, version: int) -> Sequence[Word]:
    if isinstance(each, Function):
        return "FUNCTION", "LOAD", each.code
    payload = make_payload(each.kind, each.value, version)
    expires = 0 if each.expires is None else max(each.expires, 1)  # 0 is for ever
    return "RESTORE", each.key, expires, payload, "ABSTTL"


def _send(line: Line, batch: Sequence[Sequence[Word]], again: bool) -> None:
    """What an earlier try put there is left as it is: the comparison tells whether it is the same."""
    for answer in line.ask(batch):
        if not isinstance(answer, Refused) or (again and _is_there(answer)):
            continue
        raise _explain(line, answer)


def _is_there(refused: Refused) -> bool:
    return refused.code == "BUSYKEY" or "already exists" in str(refused)


def _explain(line: Line, refused: Refused) -> DrkitError:
    return explain_busy(line, refused) or explain_refused(line.server, refused)
