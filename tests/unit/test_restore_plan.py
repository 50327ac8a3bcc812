from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drkit.errors import NotRestorable
from drkit.model import Point
from drkit.restore.plan import RestorePlan, Window, needs_confirmation, plan_restore, windows

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def point(at: datetime, source: str = "shop/main") -> Point:
    return Point(source, f"{at:%Y%m%dT%H%M%SZ}", at, 1)


FIRST, MIDDLE, LAST = (point(NOW - hours * HOUR) for hours in (3, 2, 1))
POINTS = [MIDDLE, LAST, FIRST]


def refusal(points: list[Point], wanted: datetime | None) -> NotRestorable:
    with pytest.raises(NotRestorable) as caught:
        plan_restore(points, wanted, NOW)
    return caught.value


def test_the_newest_point_before_the_wanted_time_is_taken() -> None:
    wanted = NOW - 1.5 * HOUR
    assert plan_restore(POINTS, wanted, NOW) == RestorePlan(MIDDLE, wanted, MIDDLE.consistent_at, HOUR / 2)


def test_a_point_exactly_at_the_wanted_time_is_taken() -> None:
    plan = plan_restore(POINTS, FIRST.consistent_at, NOW)
    assert plan.point == FIRST
    assert plan.distance == timedelta(0)


def test_latest_takes_the_newest_point_and_is_as_far_as_that_is_old() -> None:
    assert plan_restore(POINTS, None, NOW) == RestorePlan(LAST, None, LAST.consistent_at, HOUR)


def test_a_time_before_the_first_point_is_refused_with_the_window_there_is() -> None:
    refused = refusal(POINTS, FIRST.consistent_at - timedelta(microseconds=1))
    assert "shop/main" in str(refused)
    assert "2026-11-20T09:00:00Z to 2026-11-20T11:00:00Z" in str(refused)
    assert "at or after 2026-11-20T09:00:00Z" in refused.hint


def test_a_time_in_the_future_is_refused_with_the_window_there_is() -> None:
    refused = refusal(POINTS, NOW + timedelta(microseconds=1))
    assert "in the future" in str(refused)
    assert "2026-11-20T09:00:00Z to 2026-11-20T11:00:00Z" in str(refused)


def test_this_very_moment_is_not_the_future() -> None:
    assert plan_restore(POINTS, NOW, NOW).point == LAST


def test_without_a_point_nothing_is_restorable() -> None:
    assert "no point" in str(refusal([], None))


def test_points_from_the_future_are_passed_over_and_named() -> None:
    stray = point(NOW + HOUR)
    plan = plan_restore([*POINTS, stray], None, NOW)
    assert plan.point == LAST
    assert plan.passed_over == (stray,)


def test_a_point_that_the_store_had_before_its_own_moment_is_passed_over_and_not_the_newest_honest_one() -> None:
    stray = replace(point(NOW - 5 * HOUR), committed_at=NOW - 8 * HOUR)
    plan = plan_restore([*POINTS, stray], None, NOW)
    assert plan.passed_over == (stray,)
    assert plan.point == LAST


def test_points_from_the_future_do_not_widen_the_window_that_is_named() -> None:
    assert "to 2026-11-20T11:00:00Z" in str(refusal([*POINTS, point(NOW + HOUR)], NOW - 9 * HOUR))


def test_when_all_points_are_from_the_future_the_clocks_are_blamed() -> None:
    refused = refusal([point(NOW + HOUR)], None)
    assert "2026-11-20T13:00:00Z" in str(refused)
    assert "clock" in refused.hint


def test_a_point_a_little_ahead_of_the_clock_is_the_latest_at_no_distance() -> None:
    ahead = point(NOW + timedelta(minutes=5))
    plan = plan_restore([*POINTS, ahead], None, NOW)
    assert plan.point == ahead
    assert plan.distance == timedelta(0)


def test_of_two_points_of_one_moment_the_later_id_is_taken() -> None:
    twins = [Point("shop/main", id_, LAST.consistent_at, 1) for id_ in ("b", "a")]
    assert plan_restore(twins, None, NOW).point.id == "b"


def test_a_window_reaches_from_the_oldest_point_of_a_source_to_its_newest() -> None:
    other = point(NOW - 9 * HOUR, "shop/files")
    assert windows([*POINTS, other]) == [
        Window("shop/files", other.consistent_at, other.consistent_at),
        Window("shop/main", FIRST.consistent_at, LAST.consistent_at),
    ]
    assert windows([]) == []


def test_a_person_is_asked_only_when_more_is_lost_than_was_promised() -> None:
    plan = plan_restore(POINTS, None, NOW)
    assert not needs_confirmation(plan, HOUR)
    assert needs_confirmation(plan, HOUR - timedelta(microseconds=1))
    assert not needs_confirmation(plan, None)
