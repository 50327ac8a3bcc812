"""What a server holds, or is to hold, in a few numbers a database: how many keys, and a digest over keys, values and
expiries that does not depend on their order.

Keys are summed up by the minute in which they expire: so what may have expired meanwhile can be left out on both sides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from drkit.engines.redis import rdb
from drkit.engines.redis.marks import is_mark
from drkit.engines.redis.rdb import Entry, Function
from drkit.engines.redis.values import SIZE, digest, is_read, read_value
from drkit.engines.redis.words import counted

_MINUTE = 60_000
_ALL = 1 << 8 * SIZE
_NONE: tuple[int, int, int] = (0, 0, 0)


@dataclass(slots=True)
class Fingerprint:
    """`unread` are kinds of values that were not compared: those of modules, and those that drkit cannot read."""

    functions: list[bytes] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)
    _groups: dict[tuple[int, int | None], tuple[int, int, int]] = field(default_factory=dict)

    def add(self, found: Function | Entry) -> None:
        if isinstance(found, Function):
            self.functions.append(digest(found.code))
        elif not is_mark(found.key):
            self._add(found)

    def watch(self, found: Iterable[Function | Entry]) -> Iterator[Function | Entry]:
        for each in found:
            self.add(each)
            yield each

    def lasting(self, until: int) -> dict[int, tuple[int, int, int]]:
        """By database, of what does not expire up to the minute of `until` (milliseconds): keys, those among them that
        expire, and the digest."""
        told: dict[int, tuple[int, int, int]] = {}
        for (database, minute), (keys, expiring, total) in self._groups.items():
            if minute is None or minute > until // _MINUTE:
                before = told.get(database, _NONE)
                told[database] = (before[0] + keys, before[1] + expiring, (before[2] + total) % _ALL)
        return told

    @property
    def keys(self) -> int:
        return sum(keys for keys, _, _ in self._groups.values())

    def expiring(self, until: int) -> int:
        """How many keys expire up to the minute of `until`."""
        return self.keys - sum(keys for keys, _, _ in self.lasting(until).values())

    def _add(self, entry: Entry) -> None:
        if entry.kind == rdb.MODULE or not is_read(entry.kind):
            self.unread.add(entry.kind)
        if not is_read(entry.kind):
            self._count(entry, entry.expires, digest(entry.key, b"%d" % entry.kind))
            return
        value = read_value(entry.kind, entry.value)
        for expires, field_digest in value.fleeting:
            soonest = expires if entry.expires is None else min(expires, entry.expires)
            self._count(entry, soonest, digest(entry.key, field_digest), keys=0)
        ends = [each for each in (entry.expires, _last(value.fleeting) if value.bare else None) if each is not None]
        told = b"" if entry.expires is None else b"%d" % entry.expires
        self._count(entry, min(ends, default=None), digest(entry.key, value.digest, told))

    def _count(self, entry: Entry, expires: int | None, found: bytes, keys: int = 1) -> None:
        place = (entry.database, None if expires is None else expires // _MINUTE)
        before = self._groups.get(place, _NONE)
        expiring = keys if entry.expires is not None else 0
        total = (before[2] + int.from_bytes(found, "little")) % _ALL
        self._groups[place] = (before[0] + keys, before[1] + expiring, total)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of one database, or of the functions."""

    subject: str
    expected: str
    found: str

    @property
    def same(self) -> bool:
        return self.expected == self.found


def compare(expected: Fingerprint, found: Fingerprint, until: int) -> list[Comparison]:
    """`until` is a moment after `found` was taken, by the clock of its server."""
    wanted, there = expected.lasting(until), found.lasting(until)
    told = [
        Comparison(f"database {each}", _spell(wanted.get(each, _NONE)), _spell(there.get(each, _NONE)))
        for each in sorted({*wanted, *there})
    ]
    if expected.functions or found.functions:
        told.append(Comparison("functions", _spell_functions(expected), _spell_functions(found)))
    return told


def _last(fleeting: Iterable[tuple[int, bytes]]) -> int | None:
    return max((expires for expires, _ in fleeting), default=None)


def _spell(found: tuple[int, int, int]) -> str:
    keys, expiring, total = found
    return f"{counted(keys, 'key')}, {expiring} with an expiry, digest {total.to_bytes(SIZE, 'little').hex()[:16]}"


def _spell_functions(found: Fingerprint) -> str:
    return f"{counted(len(found.functions), 'script')}, digest {digest(*sorted(found.functions)).hex()[:16]}"
