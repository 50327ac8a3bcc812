"""What a drill asks of a restored server: does it answer, and does it hold what was captured, no more and no less.

It must not know how the data came to be there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from drkit.engines.redis.facts import server_time
from drkit.engines.redis.fill import read_back
from drkit.engines.redis.fingerprint import Fingerprint, compare
from drkit.engines.redis.line import Server
from drkit.engines.redis.rdb import entries
from drkit.engines.redis.target import count_keys
from drkit.engines.redis.words import counted
from drkit.errors import NotRestorable
from drkit.model import Check
from drkit.ports import Chunks, Clock

_AS_CAPTURED = "keys, values and expiries as captured"


@dataclass(slots=True)
class Expectation:
    """What should be there, as the file says. `unreadable` says why drkit cannot tell, though a server may."""

    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    unreadable: str = ""

    def read(self, chunks: Chunks) -> None:
        try:
            for each in entries(chunks):
                self.fingerprint.add(each)
        except NotRestorable as error:
            self.unreadable = str(error)


def prove(server: Server, expected: Expectation, clock: Clock) -> Iterator[Check]:
    try:
        with server.line() as line:
            keys = sum(count_keys(line).values())
    except NotRestorable as error:
        yield Check("first query", "failed", "an answer", str(error))
        return
    yield Check("first query", "passed", "an answer", counted(keys, "key"))
    if expected.unreadable:
        yield Check("content", "not testable", _AS_CAPTURED, expected.unreadable)
        return
    wanted, found = expected.fingerprint, read_back(server, clock)
    with server.line() as line:
        until = server_time(line)
    for each in compare(wanted, found, until):
        yield Check(each.subject, "passed" if each.same else "failed", each.expected, each.found)
    if expired := wanted.expiring(until):
        told = f"{expired} of {wanted.keys} keys came to the end of their time since they were captured"
        yield Check("expired keys", "not testable", _AS_CAPTURED, told)
    if wanted.unread:
        kinds = ", ".join(map(str, sorted(wanted.unread)))
        told = f"of values of kind {kinds} only the keys were compared"
        yield Check("values of modules and of old kinds", "not testable", _AS_CAPTURED, told)
