"""Days of a scheduler's life against a clock of its own: nothing is missed, and nothing is done twice."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon_world import World, backup_job
from drkit.daemon.model import Name

START = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def world(sources: int, seed: int, conditional: bool = True) -> World:
    chance = Random(seed)
    lengths = {f"s{number}/main": timedelta(seconds=chance.uniform(1, 60)) for number in range(sources)}

    def takes(name: Name) -> timedelta:
        return lengths[name[1]]

    jobs = [backup_job(source) for source in lengths]
    found = World(START, {job.name: job for job in jobs}, takes, conditional=conditional)
    for source in lengths:
        found.points[source].append(START - 5 * MINUTE)
    return found


def runs_by_slot(lived: World) -> Counter[tuple[Name, datetime]]:
    return Counter((name, slot) for _, name, slot, _ in lived.begun)


def every_slot(lived: World, hours: int) -> set[tuple[Name, datetime]]:
    first = START.replace(minute=0) + HOUR
    return {(name, first + hour * HOUR) for name in lived.jobs for hour in range(hours)}


def test_two_hundred_hourly_sources_on_eight_workers_run_once_an_hour_for_a_day() -> None:
    lived = world(200, seed=7)
    asyncio.run(lived.live(START + DAY, [lived.supervisor(8)]))
    found = runs_by_slot(lived)
    assert set(found) == every_slot(lived, 24)
    assert set(found.values()) == {1}
    assert lived.most_at_once == 8


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_scheduler_that_is_killed_again_and_again_forgets_nothing_and_repeats_nothing(seed: int) -> None:
    """Those that run go on by themselves, as orphans do."""
    lived = world(5, seed)
    chance = Random(seed)

    async def live() -> None:
        while lived.now < START + DAY:
            await lived.live(lived.now + timedelta(minutes=chance.uniform(1, 180)), [lived.supervisor(8)])

    asyncio.run(live())
    found = runs_by_slot(lived)
    assert set(found.values()) == {1}
    assert set(found) >= every_slot(lived, 24)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_two_schedulers_do_each_job_once_where_a_slot_can_be_claimed(seed: int) -> None:
    lived = world(5, seed)
    asyncio.run(lived.live(START + DAY / 2, [lived.supervisor(8), lived.supervisor(8)]))
    found = runs_by_slot(lived)
    assert set(found.values()) == {1}
    assert set(found) == every_slot(lived, 12)


def test_two_schedulers_miss_nothing_where_no_slot_can_be_claimed() -> None:
    lived = world(5, 1, conditional=False)
    asyncio.run(lived.live(START + DAY / 2, [lived.supervisor(8), lived.supervisor(8)]))
    assert set(runs_by_slot(lived)) == every_slot(lived, 12)
    assert max(runs_by_slot(lived).values()) == 2


def test_after_hours_of_standstill_every_source_is_caught_up_once() -> None:
    lived = world(20, seed=3)
    lived.now = START + 5 * HOUR
    asyncio.run(lived.live(lived.now + 20 * MINUTE, [lived.supervisor(8)]))
    found = runs_by_slot(lived)
    assert found == Counter({(name, START + 4.5 * HOUR): 1 for name in lived.jobs})


def test_a_source_that_fails_for_an_hour_is_tried_again_and_has_a_point_soon_after() -> None:
    lived = world(1, seed=3)
    until = START + 90 * MINUTE
    lived.fails = lambda _name, now: now < until
    asyncio.run(lived.live(START + 3 * HOUR, [lived.supervisor(8)]))
    tried = [began for began, _, _, _ in lived.begun if began < until]
    assert 3 <= len(tried) <= 8
    [point] = [point for point in lived.points["s0/main"] if START < point < START + 2 * HOUR]
    assert point - until < 31 * MINUTE


@settings(max_examples=15, deadline=None)
@given(hours=st.sampled_from([-24, -3, -1, 1, 24]), after=st.integers(61, 300))
def test_a_clock_that_jumps_doubles_no_run_and_stops_none(hours: int, after: int) -> None:
    """Time is relived after a jump back: each of its slots is then run once more, and no more than that."""
    lived = world(2, seed=5)

    async def live() -> None:
        supervisor = lived.supervisor(8)
        await lived.live(START + after * MINUTE, [supervisor])
        lived.now += hours * HOUR
        supervisor.reconsider()
        await lived.live(lived.now + 6 * HOUR, [supervisor])

    asyncio.run(live())
    found = runs_by_slot(lived)
    jumped = START + after * MINUTE + hours * HOUR
    last = jumped.replace(minute=0, second=0)
    expected = {last + hour * HOUR for hour in range(1, 6)}
    for name in lived.jobs:
        slots = {slot for each, slot in found if each == name}
        assert expected <= slots
        assert all(count <= (2 if hours < 0 else 1) for (each, _), count in found.items() if each == name)
