"""From a server to one piece named "dump": an RDB file, stored as it comes.

It must not know how the file is made, nor where the bytes go.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drkit.engines.redis.facts import Facts, holds_mark, look_at, moment_of
from drkit.engines.redis.line import Server
from drkit.engines.redis.marks import UNFINISHED
from drkit.engines.redis.rdb import Head, read_head
from drkit.engines.redis.replica import snapshot
from drkit.engines.redis.walk import walk
from drkit.errors import CaptureError
from drkit.model import Captured
from drkit.ports import Begin, Chunks, Clock

PIECE = "dump"
Method = Literal["sync", "scan"]


@dataclass(frozen=True, slots=True)
class _Source:
    """What is captured: its bytes, the moment, and what an operator should know."""

    moment: datetime
    chunks: Chunks


def capture(server: Server, method: Method, begin: Begin, clock: Clock) -> Captured:
    with server.line() as line:
        facts = look_at(line, clock)
        if holds_mark(line, UNFINISHED):
            raise CaptureError(
                f"{server} holds an unfinished restore, which is no state to keep",
                "run that restore again, or empty the server",
            )
    with _synced(server, facts, clock) if method == "sync" else _walked(server, facts, clock) as source:
        piece = begin(source.moment)(PIECE, source.chunks)
    return Captured((piece,), tuple(_notes(server, facts, method)))


@contextmanager
def _synced(server: Server, facts: Facts, clock: Clock) -> Iterator[_Source]:
    with snapshot(server, facts.version if facts.valkey else "") as taken:
        head, chunks = read_head(taken)
        yield _Source(_moment(head, facts, clock()), chunks)


@contextmanager
def _walked(server: Server, facts: Facts, clock: Clock) -> Iterator[_Source]:
    """The moment is the start, as of files: keys that changed later were read as they were when their turn came."""
    with server.line() as line:
        yield _Source(clock(), walk(line, facts))


def _moment(head: Head, facts: Facts, received: datetime) -> datetime:
    """Nothing in the snapshot is later. A server may hand out one that it had begun before, for somebody else: the
    second in which it forked stands in the file, by its own clock."""
    if head.second is None or facts.offset is None:
        return received
    return min(received, moment_of((head.second + 1) * 1_000_000) + facts.offset)


def _notes(server: Server, facts: Facts, method: Method) -> Iterator[str]:
    if facts.replica:
        yield f"{server} is a replica: what its master had not told it yet is not in the backup"
    if facts.cluster:
        yield f"{server} is a node of a cluster: only its own keys are in the backup"
    if method == "scan":
        yield f"the keys of {server} were read one after the other, so they are not of one moment"
    if facts.offset is None and method == "sync":
        yield f"{server} does not let its user ask for TIME, so the snapshot may be somewhat older than its moment says"
