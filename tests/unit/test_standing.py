from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drkit.model import Point
from drkit.standing import PATIENCE, Standing, judge_standing
from drkit.timetable import parse_cron
from drkit.when import CLOCK_TOLERANCE

NOW = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Madrid")
MINUTE = timedelta(minutes=1)
HALF_HOURLY = parse_cron("*/30 * * * *")


def point(age: timedelta, took: timedelta = timedelta(0), verified_at: datetime | None = None) -> Point:
    at = NOW - age
    return Point("shop/main", f"{at:%H%M%S}", at, 1, verified_at=verified_at, committed_at=at + took)


def stand(*points: Point, rpo: timedelta | None = timedelta(hours=1), now: datetime = NOW) -> Standing:
    return judge_standing("shop/main", points, HALF_HOURLY, ZONE, rpo, now)


def test_a_fresh_point_within_the_promise_is_healthy() -> None:
    found = stand(point(70 * MINUTE), point(10 * MINUTE))
    assert found.healthy
    assert (found.captured_at, found.rpo, found.rpo_met) == (NOW - 10 * MINUTE, 10 * MINUTE, True)
    assert found.window is not None
    assert (found.window.start, found.window.end) == (NOW - 70 * MINUTE, NOW - 10 * MINUTE)
    assert found.next_backup == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def test_a_source_that_was_never_captured_is_not_healthy_with_or_without_a_promise() -> None:
    for rpo in (None, timedelta(hours=1)):
        found = stand(rpo=rpo)
        assert not found.healthy
        assert (found.captured_at, found.rpo, found.window, found.overdue_since) == (None, None, None, None)
    assert stand(rpo=None).rpo_met is None
    assert stand().rpo_met is False


@pytest.mark.parametrize(("age", "met"), [(59, True), (60, True), (61, False)])
def test_the_promise_holds_up_to_its_very_length(age: int, met: bool) -> None:
    found = stand(point(age * MINUTE, took=timedelta(days=1)))
    assert found.rpo_met == met


def test_a_run_is_overdue_when_it_could_have_ended_by_now() -> None:
    captured = NOW.replace(minute=0)
    due = NOW.replace(minute=30)
    took = 2 * MINUTE
    newest = Point("shop/main", "1", captured, 1, committed_at=captured + took)
    assert stand(newest, rpo=None, now=due + PATIENCE + took).overdue_since is None
    late = stand(newest, rpo=None, now=due + PATIENCE + took + timedelta(microseconds=1))
    assert (late.overdue_since, late.healthy) == (due, False)


def test_an_older_point_that_took_long_does_not_excuse_the_newest() -> None:
    newest = point(70 * MINUTE)
    assert stand(point(100 * MINUTE, took=timedelta(days=1)), newest, rpo=None).overdue_since is not None
    assert stand(replace(newest, committed_at=None), rpo=None).overdue_since is not None


def test_the_order_of_the_points_is_irrelevant() -> None:
    points = [point(n * MINUTE) for n in (50, 10, 30)]
    assert stand(*points) == stand(*reversed(points))


def test_the_newest_proof_counts_and_not_the_newest_points() -> None:
    old = point(50 * MINUTE, verified_at=NOW - 5 * MINUTE)
    new = point(10 * MINUTE, verified_at=NOW - 8 * MINUTE)
    assert stand(old, new).verified_at == NOW - 5 * MINUTE
    assert stand(point(10 * MINUTE)).verified_at is None


def test_two_clocks_that_differ_a_little_are_no_alarm() -> None:
    found = stand(point(-CLOCK_TOLERANCE))
    assert found.healthy
    assert found.rpo == timedelta(0)


def test_a_point_from_the_future_proves_nothing() -> None:
    future = point(-CLOCK_TOLERANCE - timedelta(seconds=1), verified_at=NOW)
    assert stand(future).captured_at is None
    assert not stand(future).healthy
    with_old = stand(point(3 * 60 * MINUTE), future)
    assert with_old.rpo == timedelta(hours=3)
    assert not with_old.healthy


def test_a_store_that_was_copied_hides_no_overdue_backup() -> None:
    """Copying gives every manifest a new stamp, as if each capture had taken until then."""
    age = timedelta(days=19)
    found = stand(point(age, took=age - 10 * MINUTE), rpo=None)
    assert found.overdue_since is not None
    assert not found.healthy
