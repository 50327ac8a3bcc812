"""Plans over bases and log against worlds whose every byte is known."""

from itertools import pairwise

from hypothesis import given, settings

from drkit.catalog.log import Span
from drkit.restore.reach import Holdings, find_ways, gaps_between, windows
from log_worlds import SEGMENT, World, at, first_known, minutes, plan, reachable, state, truth, worlds


@settings(deadline=None, max_examples=300)
@given(worlds(), minutes)
def test_a_moment_that_is_reached_is_what_the_database_was_then(world: World, minute: int) -> None:
    planned = plan(world, minute)
    if planned is None or planned[1].moment is None:
        return
    reaches, journey = planned
    assert reaches == at(minute)
    chosen = world.timelines[journey.way.stretch.timeline - 1]
    assert state(chosen, journey.way.stretch.end, minute) == truth(chosen, minute)
    base = journey.way.held.base
    assert all(stamp <= minute for stamp in chosen.stamps[: base.stop])
    surely = [each for each in world.timelines if (known := first_known(world, each)) and known < at(minute)]
    usable = {way.stretch.timeline for way in find_ways(world.holdings) if way.stretch.until}
    newer = [each.number for each in surely if each.number > chosen.number and each.number in usable]
    assert not [number for number in newer if number in reachable(world, minute)]


@settings(deadline=None, max_examples=300)
@given(worlds(), minutes)
def test_what_is_refused_nobody_could_have_reached_on_a_timeline_that_was_still_written(
    world: World, minute: int
) -> None:
    planned = plan(world, minute)
    can = reachable(world, minute)
    if planned is not None and planned[1].moment is not None:
        assert planned[1].way.stretch.timeline in can
        return
    usable = {way.stretch.timeline for way in find_ways(world.holdings) if way.stretch.until}
    for number in can:
        overtaken = [
            each.number
            for each in world.timelines
            if each.number > number
            and each.number in usable
            and (known := first_known(world, each))
            and known < at(minute)
        ]
        assert overtaken, f"timeline {number} reaches it"


@settings(deadline=None, max_examples=200)
@given(worlds())
def test_the_windows_are_the_moments_that_are_reached_and_gaps_those_between(world: World) -> None:
    found = windows("shop/main", find_ways(world.holdings))
    gaps = gaps_between(found)
    for minute in range(60):
        planned = plan(world, minute)
        exact = planned is not None and planned[1].moment is not None
        assert exact == any(each.start <= at(minute) <= each.end for each in found)
        if any(gap.start < at(minute) < gap.end for gap in gaps):
            assert planned is None
    for before, after in pairwise(found):
        assert before.end < after.start


@settings(deadline=None, max_examples=200)
@given(worlds())
def test_the_latest_is_at_the_end_of_the_last_window(world: World) -> None:
    planned = plan(world, None)
    found = windows("shop/main", find_ways(world.holdings))
    assert (planned[0] if planned else None) == (found[-1].end if found else None)


@settings(deadline=None, max_examples=200)
@given(worlds(), minutes)
def test_the_log_of_a_plan_has_every_byte_from_the_base_to_the_end(world: World, minute: int) -> None:
    planned = plan(world, minute)
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
    assert plan(world, minute) == plan(World(world.timelines, turned), minute)


@settings(deadline=None, max_examples=200)
@given(worlds(), minutes)
def test_log_of_another_server_changes_nothing(world: World, minute: int) -> None:
    held = world.holdings
    foreign = tuple(Span("2", span.timeline, span.start, span.end, span.covered_until) for span in held.spans)
    mixed = Holdings(held.source, held.bases, (*held.spans, *foreign), held.histories)
    assert plan(world, minute) == plan(World(world.timelines, mixed), minute)
