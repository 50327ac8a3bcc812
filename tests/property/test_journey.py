"""Plans over bases and log against a world whose every byte is known: a few timelines of a few bytes, each a commit."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.catalog.log import NOTHING_KNOWN, Span
from drkit.errors import NotRestorable
from drkit.model import Base, Point
from drkit.restore.journey import Journey, plan_journey
from drkit.restore.lineage import Fork
from drkit.restore.reach import HeldBase, Holdings, find_ways, gaps_between, windows
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


def _state(timeline: Timeline, end: int, minute: int) -> list[tuple[int, int]]:
    """What stands there after replay of the bytes before `end` up to that time."""
    found = []
    for position, stamp in enumerate(timeline.stamps[:end]):
        if stamp > minute:
            break
        found.append((position, stamp))
    return found


def _truth(timeline: Timeline, minute: int) -> list[tuple[int, int]]:
    return _state(timeline, len(timeline.stamps), minute)


def _plan(world: World, minute: int | None) -> tuple[datetime, Journey] | None:
    try:
        plan, journey = plan_journey(world.holdings, None if minute is None else at(minute), NOW)
    except NotRestorable:
        return None
    return plan.reaches, journey


def _first_known(world: World, timeline: Timeline) -> datetime | None:
    moments = [
        span.covered_until
        for span in world.holdings.spans
        if span.timeline == timeline.number and span.end >= timeline.fork and span.covered_until > NOTHING_KNOWN
    ]
    return min(moments, default=None)


def _reachable(world: World, minute: int) -> set[int]:
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


@settings(deadline=None, max_examples=300)
@given(worlds(), minutes)
def test_a_moment_that_is_reached_is_what_the_database_was_then(world: World, minute: int) -> None:
    planned = _plan(world, minute)
    if planned is None or planned[1].moment is None:
        return
    reaches, journey = planned
    assert reaches == at(minute)
    chosen = world.timelines[journey.way.stretch.timeline - 1]
    assert _state(chosen, journey.way.stretch.end, minute) == _truth(chosen, minute)
    base = journey.way.held.base
    assert all(stamp <= minute for stamp in chosen.stamps[: base.stop])
    surely = [each for each in world.timelines if (known := _first_known(world, each)) and known < at(minute)]
    usable = {way.stretch.timeline for way in find_ways(world.holdings) if way.stretch.until}
    newer = [each.number for each in surely if each.number > chosen.number and each.number in usable]
    assert not [number for number in newer if number in _reachable(world, minute)]


@settings(deadline=None, max_examples=300)
@given(worlds(), minutes)
def test_what_is_refused_nobody_could_have_reached_on_a_timeline_that_was_still_written(
    world: World, minute: int
) -> None:
    planned = _plan(world, minute)
    reachable = _reachable(world, minute)
    if planned is not None and planned[1].moment is not None:
        assert planned[1].way.stretch.timeline in reachable
        return
    usable = {way.stretch.timeline for way in find_ways(world.holdings) if way.stretch.until}
    for number in reachable:
        overtaken = [
            each.number
            for each in world.timelines
            if each.number > number
            and each.number in usable
            and (known := _first_known(world, each))
            and known < at(minute)
        ]
        assert overtaken, f"timeline {number} reaches it"


@settings(deadline=None, max_examples=200)
@given(worlds())
def test_the_windows_are_the_moments_that_are_reached_and_gaps_those_between(world: World) -> None:
    found = windows("shop/main", find_ways(world.holdings))
    gaps = gaps_between(found)
    for minute in range(60):
        planned = _plan(world, minute)
        exact = planned is not None and planned[1].moment is not None
        assert exact == any(each.start <= at(minute) <= each.end for each in found)
        if any(gap.start < at(minute) < gap.end for gap in gaps):
            assert planned is None
    for before, after in pairwise(found):
        assert before.end < after.start


@settings(deadline=None, max_examples=200)
@given(worlds())
def test_the_latest_is_at_the_end_of_the_last_window(world: World) -> None:
    planned = _plan(world, None)
    found = windows("shop/main", find_ways(world.holdings))
    assert (planned[0] if planned else None) == (found[-1].end if found else None)


@settings(deadline=None, max_examples=200)
@given(worlds(), minutes)
def test_the_log_of_a_plan_has_every_byte_from_the_base_to_the_end(world: World, minute: int) -> None:
    planned = _plan(world, minute)
    if planned is None:
        return
    way = planned[1].way
    base = way.held.base
    legs = way.stretch.legs
    for position in range(base.start - base.start % SEGMENT, way.stretch.end):
        own = [
            leg.timeline
            for leg in legs
            if position >= leg.begin - leg.begin % SEGMENT and (leg.end is None or position < leg.end)
        ]
        assert any(span.timeline in own and span.start <= position < span.end for span in way.stretch.spans)


@settings(deadline=None, max_examples=200)
@given(worlds(), minutes)
def test_the_order_of_listings_is_irrelevant(world: World, minute: int) -> None:
    held = world.holdings
    turned = Holdings(held.source, tuple(reversed(held.bases)), tuple(reversed(held.spans)), held.histories)
    assert _plan(world, minute) == _plan(World(world.timelines, turned), minute)


@settings(deadline=None, max_examples=200)
@given(worlds(), minutes)
def test_log_of_another_server_changes_nothing(world: World, minute: int) -> None:
    held = world.holdings
    foreign = tuple(Span("2", span.timeline, span.start, span.end, span.covered_until) for span in held.spans)
    mixed = Holdings(held.source, held.bases, (*held.spans, *foreign), held.histories)
    assert _plan(world, minute) == _plan(World(world.timelines, mixed), minute)
