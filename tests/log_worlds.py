"""Worlds whose every byte is known: a few timelines of a few bytes, each a commit; bases and spans of them; and what
can be had of them, found byte by byte without a planner."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from drkit.catalog.log import NOTHING_KNOWN, Span
from drkit.errors import NotRestorable
from drkit.model import Base, Point
from drkit.restore.journey import Journey, plan_journey
from drkit.restore.lineage import Fork
from drkit.restore.reach import HeldBase, Holdings
from drkit.restore.stretch import Histories

SEGMENT = 4
EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
NOW = EPOCH + timedelta(days=1)


def at(minute: int) -> datetime:
    return EPOCH + timedelta(minutes=minute)


@dataclass(frozen=True)
class Timeline:
    """Byte n is a commit at minute `stamps[n]`; below `fork` they are those of the timeline before it."""

    number: int
    fork: int
    born: int
    stamps: tuple[int, ...]


@dataclass(frozen=True)
class World:
    timelines: tuple[Timeline, ...]
    holdings: Holdings


@st.composite
def worlds(draw: st.DrawFn) -> World:
    timelines: list[Timeline] = []
    clock = 0
    for number in range(1, draw(st.integers(1, 3)) + 1):
        before = timelines[-1].stamps if timelines else ()
        fork = draw(st.integers(0, len(before))) if timelines else 0
        stamps = list(before[:fork])
        born = clock = clock + draw(st.integers(1, 3))
        for _ in range(draw(st.integers(1, 9))):
            clock += draw(st.integers(1, 3))
            stamps.append(clock)
        timelines.append(Timeline(number, fork, born, tuple(stamps)))
    spans = [span for timeline in timelines for span in draw(_spans(timeline))]
    bases = draw(st.lists(st.sampled_from(timelines).flatmap(_bases), max_size=4))
    held = []
    for index, base in enumerate(sorted(bases, key=lambda each: (each.stopped_at, each.stop))):
        origin = draw(st.sampled_from([None, None, *(f"base-{n}" for n in range(index))]))
        chained = Base(*(getattr(base, name) for name in Base.__slots__[:-1]), origin)
        held.append(HeldBase(Point("shop/main", f"base-{index}", base.stopped_at, 1), chained))
    if held and draw(st.booleans()):
        held.pop(draw(st.integers(0, len(held) - 1)))
    histories: Histories = {
        ("1", each.number): tuple(Fork(other.number, later.fork) for other, later in _ancestors(timelines, each))
        for each in timelines[1:]
    }
    return World(tuple(timelines), Holdings("shop/main", tuple(held), tuple(spans), histories))


def _ancestors(timelines: list[Timeline], last: Timeline) -> list[tuple[Timeline, Timeline]]:
    """Each with the one after it, as far as the way to `last` uses them: an earlier fork leaves out what is beyond."""
    pairs = list(pairwise(timelines[: last.number]))
    return [
        (each, Timeline(later.number, min([later.fork, *(far.fork for _, far in pairs[n:])]), 0, ()))
        for n, (each, later) in enumerate(pairs)
    ]


@st.composite
def _spans(draw: st.DrawFn, timeline: Timeline) -> list[Span]:
    """A follower's: from the beginning of the fork's segment on, some of them lost, some merged, with heartbeats."""
    found: list[Span] = []
    position = timeline.fork - timeline.fork % SEGMENT
    end = len(timeline.stamps)
    while position < end:
        size = min(draw(st.integers(1, SEGMENT)), end - position, SEGMENT - position % SEGMENT)
        found.append(_span(draw, timeline, position, position + size))
        position += size
    if draw(st.booleans()):
        found.append(_span(draw, timeline, end, end))
    kept = [span for span in found if draw(st.integers(0, 5))]
    if kept and draw(st.booleans()):
        merged = draw(st.sampled_from(kept))
        start = merged.start - merged.start % SEGMENT
        kept.append(Span("1", timeline.number, start, merged.end, merged.covered_until))
    return kept


def _span(draw: st.DrawFn, timeline: Timeline, start: int, end: int) -> Span:
    """It knows of a moment before the commit that follows it; or of none, while a follower catches up."""
    last = max(timeline.stamps[end - 1] if end > timeline.fork else 0, timeline.born)
    following = timeline.stamps[end] if end < len(timeline.stamps) else last + 3
    known = end >= timeline.fork and end > 0 and draw(st.integers(0, 3))
    moment = at(draw(st.integers(last, max(last, following - 1)))) if known else NOTHING_KNOWN
    return Span("1", timeline.number, start, end, moment)


@st.composite
def _bases(draw: st.DrawFn, timeline: Timeline) -> Base:
    start = draw(st.integers(timeline.fork, len(timeline.stamps) - 1))
    stop = draw(st.integers(start + 1, len(timeline.stamps)))
    stopped = max(timeline.stamps[stop - 1], timeline.born) + draw(st.integers(0, 2))
    return Base("1", timeline.number, start, stop, at(stopped), SEGMENT, 170_000)


def state(timeline: Timeline, end: int, minute: int) -> list[tuple[int, int]]:
    """What stands there after replay of the bytes before `end` up to that time."""
    found = []
    for position, stamp in enumerate(timeline.stamps[:end]):
        if stamp > minute:
            break
        found.append((position, stamp))
    return found


def truth(timeline: Timeline, minute: int) -> list[tuple[int, int]]:
    return state(timeline, len(timeline.stamps), minute)


def plan(world: World, minute: int | None) -> tuple[datetime, Journey] | None:
    try:
        plan, journey = plan_journey(world.holdings, None if minute is None else at(minute), NOW)
    except NotRestorable:
        return None
    return plan.reaches, journey


def first_known(world: World, timeline: Timeline) -> datetime | None:
    moments = [
        span.covered_until
        for span in world.holdings.spans
        if span.timeline == timeline.number and span.end >= timeline.fork and span.covered_until > NOTHING_KNOWN
    ]
    return min(moments, default=None)


def reachable(world: World, minute: int) -> set[int]:
    """The timelines on which the moment can be had: byte by byte, base by base."""
    by_id = {held.point.id: held.base for held in world.holdings.bases}
    found = set()
    for timeline in world.timelines:
        forks = [*world.holdings.histories.get(("1", timeline.number), ())]

        def owner(position: int, forks: list[Fork] = forks, number: int = timeline.number) -> int:
            return next((fork.timeline for fork in forks if position < fork.at), number)

        for base in by_id.values():
            chain = base
            while chain.origin in by_id:
                chain = by_id[chain.origin]
            on_way = base.stop > base.start and all(owner(n) == base.timeline for n in range(base.start, base.stop))
            if chain.origin is not None or not on_way or base.stopped_at > at(minute):
                continue
            reached = _bytes_from(world, timeline, base.start - base.start % SEGMENT, owner)
            if reached < base.stop or not _touches(world, timeline, base.start - base.start % SEGMENT, reached):
                continue
            told = [
                span.covered_until
                for span in world.holdings.spans
                if span.timeline == timeline.number and timeline.fork <= span.end <= reached
            ]
            if any(each >= at(minute) for each in told):
                found.add(timeline.number)
    return found


def _bytes_from(world: World, timeline: Timeline, position: int, owner: object) -> int:
    assert callable(owner)
    begin = timeline.fork - timeline.fork % SEGMENT if timeline.number > 1 else 0
    while True:
        held = any(
            span.start <= position < span.end
            and (span.timeline == owner(position) or (span.timeline == timeline.number and position >= begin))
            for span in world.holdings.spans
        )
        if not held:
            return position
        position += 1


def _touches(world: World, timeline: Timeline, start: int, end: int) -> bool:
    return any(
        span.timeline == timeline.number and span.end >= start and span.start <= end for span in world.holdings.spans
    )


minutes = st.integers(0, 60)
