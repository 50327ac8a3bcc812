"""The farthest moments against worlds whose every byte is known: no moment of any window is farther from its base."""

from hypothesis import given, settings

from drkit.restore.hauls import farthest_hauls, haul_of
from drkit.restore.reach import find_ways, windows
from log_worlds import World, minutes, plan, worlds


@settings(deadline=None, max_examples=300)
@given(worlds(), minutes)
def test_no_moment_takes_more_log_than_the_farthest_of_its_base(world: World, minute: int) -> None:
    planned = plan(world, minute)
    if planned is None:
        return
    haul = haul_of(planned[1])
    told = [each for each in farthest_hauls(find_ways(world.holdings)) if each.backup == haul.backup]
    assert max(each.log_bytes for each in told) >= haul.log_bytes
    assert {each.stored_bytes for each in told} == {haul.stored_bytes}


@settings(deadline=None, max_examples=300)
@given(worlds())
def test_the_farthest_moments_can_be_asked_for(world: World) -> None:
    ways = find_ways(world.holdings)
    found = windows("shop/main", ways)
    for haul in farthest_hauls(ways):
        assert any(each.start <= haul.at <= each.end for each in found)
        assert haul.log_bytes > 0
