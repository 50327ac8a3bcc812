"""Which moments base backups and log reach together: windows, and the gaps between them. Pure.

A base counts once the log reaches its stop, with all that it is incremental to, and no moment before `stopped_at` can
be had from it. It must not know what is wanted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from drkit.catalog.log import Span
from drkit.model import Base, Point
from drkit.restore.plan import Window
from drkit.restore.stretch import Histories, Stretch, find_stretches


@dataclass(frozen=True, slots=True)
class HeldBase:
    """A point of a physical source, and what its manifest says of it."""

    point: Point
    base: Base


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that one source has: what can be reached follows from it. `histories` has those that could be opened."""

    source: str
    bases: tuple[HeldBase, ...]
    spans: tuple[Span, ...]
    histories: Histories = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """A chain of bases, the full one first, and unbroken log after the last of them. Every moment from `since` to
    `until` is reached by it, both included; None if the log does not tell of time yet. `until` is cut where a newer
    timeline or another server was written for sure: from then on this log is not the source's history any more."""

    chain: tuple[HeldBase, ...]
    stretch: Stretch
    since: datetime
    until: datetime | None

    @property
    def held(self) -> HeldBase:
        return self.chain[-1]


def find_ways(holdings: Holdings) -> list[Way]:
    """By server, the one that came first first; then by timeline and by the base's position."""
    segments = {held.base.system_identifier: held.base.wal_segment_bytes for held in holdings.bases}
    stretches = find_stretches(holdings.spans, holdings.histories, segments)
    by_id = {held.point.id: held for held in holdings.bases}
    ways = [
        Way(chain, stretch, held.base.stopped_at, stretch.until)
        for held in holdings.bases
        if (chain := _chain(held, by_id))
        for stretch in stretches
        if _carries(stretch, held.base)
    ]
    first = {way.stretch.system: min(each.since for each in _of(ways, way.stretch.system)) for way in ways}

    def place(way: Way) -> tuple[datetime, str, int, int, str]:
        stretch, held = way.stretch, way.held
        return first[stretch.system], stretch.system, stretch.timeline, held.base.stop, held.point.id

    ordered = sorted(ways, key=place)
    return [_cut(way, _ends(way, ordered, first)) for way in ordered]


def windows(source: str, ways: Iterable[Way]) -> list[Window]:
    """In order, without overlap."""
    spans = sorted((way.since, way.until) for way in ways if way.until is not None and way.since <= way.until)
    found: list[Window] = []
    for since, until in spans:
        if found and since <= found[-1].end:
            found[-1] = Window(source, found[-1].start, max(found[-1].end, until))
        else:
            found.append(Window(source, since, until))
    return found


def gaps_between(found: Sequence[Window]) -> list[Window]:
    return [Window(before.source, before.end, after.start) for before, after in pairwise(found)]


def _of(ways: Iterable[Way], system: str) -> Iterator[Way]:
    return (way for way in ways if way.stretch.system == system)


def _chain(held: HeldBase, by_id: Mapping[str, HeldBase]) -> tuple[HeldBase, ...]:
    """Nothing if a part of it is missing, or is none of the same server."""
    chain = [held]
    while (origin := chain[-1].base.origin) is not None:
        before = by_id.get(origin)
        if before is None or before in chain or before.base.system_identifier != held.base.system_identifier:
            return ()
        chain.append(before)
    return tuple(reversed(chain))


def _carries(stretch: Stretch, base: Base) -> bool:
    """A log file is read from its first page on, wherever in it the backup began."""
    leg = next((leg for leg in stretch.legs if leg.timeline == base.timeline), None)
    if leg is None or stretch.system != base.system_identifier:
        return False
    on_leg = leg.begin <= base.start and (leg.end is None or base.stop <= leg.end)
    return on_leg and stretch.begin <= base.start - base.start % base.wal_segment_bytes and base.stop <= stretch.end


def _ends(way: Way, ways: Sequence[Way], first: Mapping[str, datetime]) -> Iterator[datetime]:
    """When something newer than this way's log was written for sure."""
    own = way.stretch
    yield from (moment for system, moment in first.items() if (moment, system) > (first[own.system], own.system))
    yield from (
        each.stretch.born_at for each in _of(ways, own.system) if each.stretch.timeline > own.timeline and each.until
    )


def _cut(way: Way, ends: Iterable[datetime]) -> Way:
    bounds = [each for each in (way.until, *ends) if each is not None]
    until = min(bounds) if way.until is not None else None
    return Way(way.chain, way.stretch, way.since, until if until is not None and until >= way.since else None)
