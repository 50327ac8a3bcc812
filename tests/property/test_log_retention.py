"""What a prune takes of bases and log, against worlds whose every byte is known."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.prune.log import LogPlan, plan_log
from drkit.restore.reach import Holdings, find_ways, windows
from drkit.retention import Policy, judge
from log_worlds import NOW, World, at, minutes, plan, reachable, worlds

policies = st.builds(
    Policy,
    within=st.none() | st.integers(1, 30).map(lambda minute: timedelta(minutes=minute)),
    last=st.integers(1, 3),
    min_points=st.integers(0, 2),
)


def pruned(world: World, policy: Policy) -> tuple[World, LogPlan]:
    held = world.holdings
    decided = plan_log(held, [each.point for each in held.bases], policy, ZoneInfo("UTC"), NOW)
    staying = {verdict.point.id for verdict in decided.verdicts if verdict.reasons}
    left = Holdings(
        held.source,
        tuple(each for each in held.bases if each.point.id in staying),
        tuple(span for span in held.spans if span not in decided.let_go),
        held.histories,
    )
    return World(world.timelines, left), decided


@settings(deadline=None, max_examples=400)
@given(worlds(), policies, minutes)
def test_every_moment_within_the_promise_that_could_be_reached_still_can(
    world: World, policy: Policy, minute: int
) -> None:
    found = windows("", find_ways(world.holdings))
    if not policy.within or not found or at(minute) < found[-1].end - policy.within:
        return
    left, _ = pruned(world, policy)
    before, after = plan(world, minute), plan(left, minute)
    if before is None or before[1].moment is None:
        return
    assert after is not None
    assert after[1].moment == at(minute)
    assert reachable(left, minute)


@settings(deadline=None, max_examples=300)
@given(worlds(), policies)
def test_a_base_that_stays_can_still_be_made_whole_if_it_could(world: World, policy: Policy) -> None:
    left, decided = pruned(world, policy)
    staying = {verdict.point.id for verdict in decided.verdicts if verdict.reasons}
    assert _whole(world) & staying <= _whole(left)


def _whole(world: World) -> set[str]:
    ways = find_ways(world.holdings)
    return {way.held.point.id for way in ways if way.stretch.until and way.stretch.until >= way.since}


@settings(deadline=None, max_examples=300)
@given(worlds(), policies)
def test_chains_stay_whole_and_retention_never_loses_a_point_by_it(world: World, policy: Policy) -> None:
    held = world.holdings
    plain = judge(policy, [each.point for each in held.bases], ZoneInfo("UTC"), NOW)
    _, decided = pruned(world, policy)
    staying = {verdict.point.id for verdict in decided.verdicts if verdict.reasons}
    assert {verdict.point.id for verdict in plain if verdict.reasons} <= staying
    origins = {each.point.id: each.base.origin for each in held.bases}
    assert all(origins[each] in staying for each in staying if origins[each] in origins)


@settings(deadline=None, max_examples=300)
@given(worlds(), policies)
def test_the_latest_stays_what_it_was(world: World, policy: Policy) -> None:
    left, _ = pruned(world, policy)
    before, after = plan(world, None), plan(left, None)
    assert (before is None) == (after is None)
    if before and after:
        assert before[0] == after[0]


@settings(deadline=None, max_examples=300)
@given(worlds(), policies)
def test_without_a_length_nothing_after_the_oldest_base_that_stays_goes(world: World, policy: Policy) -> None:
    whole = Policy(last=policy.last, min_points=policy.min_points)
    left, decided = pruned(world, whole)
    staying = {verdict.point.id for verdict in decided.verdicts if verdict.reasons}
    for minute in range(60):
        before = plan(world, minute)
        if before is None or before[1].moment is None:
            continue
        if any(held.point.id in staying for held in [before[1].way.held]):
            after = plan(left, minute)
            assert after is not None
            assert after[1].moment == at(minute)


@settings(deadline=None, max_examples=400)
@given(worlds(), policies, minutes)
def test_a_prune_by_a_slow_clock_lets_no_log_go_that_one_by_the_right_clock_keeps(
    world: World, policy: Policy, minute: int
) -> None:
    held, points = world.holdings, [each.point for each in world.holdings.bases]
    right, slow = (plan_log(held, points, policy, ZoneInfo("UTC"), now) for now in (NOW, at(minute)))
    assert set(slow.let_go) <= set(right.let_go)


@settings(deadline=None, max_examples=300)
@given(worlds(), policies)
def test_a_second_prune_finds_nothing_that_the_promise_needs(world: World, policy: Policy) -> None:
    left, _ = pruned(world, policy)
    again, _ = pruned(left, policy)
    assert windows("", find_ways(again.holdings))[-1:] == windows("", find_ways(left.holdings))[-1:]
