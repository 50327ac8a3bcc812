from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drkit.errors import NotRestorable
from drkit.model import Point
from drkit.verify.moment import pick_moment

AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SEEDS = [f"{number:016x}" for number in range(200)]


def point(at: datetime) -> Point:
    return Point("shop/main", f"{at}", at, 1, committed_at=at)


POINTS = [point(AT), point(AT + DAY), point(AT + 9 * DAY)]


def test_one_seed_picks_one_moment_whenever_it_is_asked_and_whatever_the_order() -> None:
    first = pick_moment(POINTS, "seed", AT + 10 * DAY)
    assert first == pick_moment(reversed(POINTS), "seed", AT + 20 * DAY)
    assert first == datetime(2026, 11, 28, 19, 22, 38, 487208, tzinfo=UTC)  # who has the seed can tell in years
    assert len({pick_moment(POINTS, seed, AT + 10 * DAY) for seed in SEEDS}) == len(SEEDS)


def test_no_moment_lies_before_the_first_point_or_after_the_last() -> None:
    moments = [pick_moment(POINTS, seed, AT + 10 * DAY) for seed in SEEDS]
    assert AT <= min(moments) < AT + DAY
    assert AT + 8 * DAY < max(moments) <= AT + 9 * DAY


def test_of_one_point_the_moment_is_its_own() -> None:
    assert {pick_moment([point(AT)], seed, AT + DAY) for seed in SEEDS} == {AT}
    twins = [point(AT), point(AT + timedelta.resolution)]
    assert {pick_moment(twins, seed, AT + DAY) for seed in SEEDS} == {AT, AT + timedelta.resolution}


def test_points_of_a_wrong_clock_are_left_out_and_without_others_there_is_nothing_to_pick() -> None:
    ahead = point(AT + 30 * DAY)
    unlikely = replace(point(AT - DAY), committed_at=AT - 2 * DAY)
    assert pick_moment([*POINTS, ahead, unlikely], "seed", AT + 10 * DAY) == pick_moment(POINTS, "seed", AT + 10 * DAY)
    for points in ([], [ahead], [unlikely, ahead]):
        with pytest.raises(NotRestorable, match="no point in time"):
            pick_moment(points, "seed", AT + 10 * DAY)
