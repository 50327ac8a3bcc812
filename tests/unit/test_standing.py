from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drills import BAD, drill_at
from drkit.model import Finding, Point
from drkit.standing import PATIENCE, Promises, Standing, judge_standing
from drkit.timetable import parse_cron
from drkit.verify.exposure import Gap
from drkit.verify.history import History
from drkit.verify.model import Drill, Evidence
from drkit.verify.verdicts import judge_rpo, judge_rto
from drkit.when import CLOCK_TOLERANCE

NOW = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Madrid")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HALF_HOURLY = parse_cron("*/30 * * * *")
RTO = timedelta(minutes=15)


def point(age: timedelta, took: timedelta = timedelta(0), verified_at: datetime | None = None) -> Point:
    at = NOW - age
    return Point("shop/main", f"{at:%d%H%M%S}", at, 1_000_000, verified_at=verified_at, committed_at=at + took)


def stand(
    *points: Point,
    rpo: timedelta | None = HOUR,
    now: datetime = NOW,
    drills: tuple[Drill, ...] = (),
    verify: str | None = None,
    whole_since: datetime | None = None,
    doubts: tuple[Finding, ...] = (),
) -> Standing:
    promises = Promises(HALF_HOURLY, parse_cron(verify) if verify else None, ZONE, RTO, rpo)
    history = History(tuple(Evidence(drill, ()) for drill in drills), doubts)
    return judge_standing("shop/main", promises, points, history, whole_since, now)


FRESH = point(10 * MINUTE)


def test_a_fresh_point_within_the_promise_is_healthy() -> None:
    found = stand(point(70 * MINUTE), point(10 * MINUTE))
    assert found.healthy
    assert (found.captured_at, found.rpo) == (NOW - 10 * MINUTE, judge_rpo(HOUR, 10 * MINUTE))
    assert found.window is not None
    assert (found.window.start, found.window.end) == (NOW - 70 * MINUTE, NOW - 10 * MINUTE)
    assert found.next_backup == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def test_a_source_that_was_never_captured_is_not_healthy_with_or_without_a_promise() -> None:
    for rpo in (None, timedelta(hours=1)):
        found = stand(rpo=rpo)
        assert not found.healthy
        assert (found.captured_at, found.rpo.measured, found.window, found.overdue_since) == (None, None, None, None)
    assert stand(rpo=None).rpo.met is None
    assert stand().rpo.met is False


@pytest.mark.parametrize(("age", "met"), [(59, True), (60, True), (61, False)])
def test_the_promise_holds_up_to_its_very_length(age: int, met: bool) -> None:
    found = stand(point(age * MINUTE, took=timedelta(days=1)))
    assert found.rpo.met == met


def test_a_run_is_overdue_when_it_could_have_ended_by_now() -> None:
    captured = NOW.replace(minute=0)
    due = NOW.replace(minute=30)
    took = 2 * MINUTE
    newest = Point("shop/main", "1", captured, 1, committed_at=captured + took)
    assert stand(newest, rpo=None, now=due + PATIENCE + took).overdue_since is None
    late = stand(newest, rpo=None, now=due + PATIENCE + took + timedelta(microseconds=1))
    assert (late.overdue_since, late.healthy) == (due, False)


def test_a_backup_and_a_drill_are_overdue_from_the_moments_on_that_were_told_before() -> None:
    drilled = drill_at(NOW - HOUR)
    early = stand(FRESH, drills=(drilled,), verify="0 * * * *", rpo=None)
    assert early.backup_late_at is not None
    assert early.drill_late_at is not None
    assert early.red_at == min(early.backup_late_at, early.drill_late_at)
    for after in (timedelta(0), timedelta(microseconds=1)):
        by_backup = stand(FRESH, drills=(drilled,), verify="0 * * * *", now=early.backup_late_at + after)
        by_drill = stand(FRESH, drills=(drilled,), verify="0 * * * *", now=early.drill_late_at + after)
        assert bool(by_backup.overdue_since) == bool(by_drill.drill_overdue_since) == bool(after)


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
    assert stand(old, new).verified == old
    assert stand(point(10 * MINUTE)).verified is None


def test_two_clocks_that_differ_a_little_are_no_alarm() -> None:
    found = stand(point(-CLOCK_TOLERANCE))
    assert found.healthy
    assert found.rpo.measured == timedelta(0)


def test_a_point_from_the_future_proves_nothing() -> None:
    future = point(-CLOCK_TOLERANCE - timedelta(seconds=1), verified_at=NOW)
    assert stand(future).captured_at is None
    assert not stand(future).healthy
    with_old = stand(point(3 * 60 * MINUTE), future)
    assert with_old.rpo.measured == timedelta(hours=3)
    assert not with_old.healthy


def test_a_store_that_was_copied_hides_no_overdue_backup() -> None:
    """Copying gives every manifest a new stamp, as if each capture had taken until then."""
    age = timedelta(days=19)
    found = stand(point(age, took=age - 10 * MINUTE), rpo=None)
    assert found.overdue_since is not None
    assert not found.healthy


def test_a_drill_that_kept_its_promises_is_healthy_and_scaled_to_the_newest_point() -> None:
    """Eight of its ten minutes grow with the size, and the newest point is half as large again."""
    larger = replace(FRESH, stored_bytes=1_500_000)
    found = stand(larger, drills=(drill_at(NOW - DAY),))
    assert found.healthy
    assert (found.rto, found.expected) == (judge_rto(RTO, 10 * MINUTE), 14 * MINUTE)
    assert (found.forecast.outlook, found.next_drill) == ("unknown", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"checks": (BAD,)},
        {"error": "psql: gone", "rto": judge_rto(RTO, None)},
        {"rpo": judge_rpo(HOUR, 2 * HOUR)},
        {"checks": ()},
    ],
    ids=["wrong data", "an error", "too far back", "nothing tested"],
)
def test_the_last_drill_that_failed_is_a_broken_promise_until_another_passes(changes) -> None:
    failed = drill_at(NOW - DAY, result="failed", **changes)
    found = stand(FRESH, drills=(drill_at(NOW - 2 * DAY), failed))
    assert (found.failed_drills, found.healthy) == ((failed,), False)
    assert stand(FRESH, drills=(failed, drill_at(NOW - HOUR))).healthy


def test_a_slow_drill_breaks_the_rto_and_nothing_else() -> None:
    slow = drill_at(NOW - DAY, result="failed", rto=judge_rto(RTO, 16 * MINUTE))
    found = stand(FRESH, drills=(slow,))
    assert (found.rto.met, found.failed_drills, found.healthy) == (False, (), False)


def test_a_point_that_a_drill_refuted_is_no_point_until_a_newer_one_is_captured() -> None:
    good, bad = point(70 * MINUTE), replace(FRESH, refuted_at=NOW - MINUTE)
    found = stand(good, bad, drills=(drill_at(NOW - HOUR),))
    assert (found.captured_at, found.damaged, found.healthy) == (good.consistent_at, (bad,), False)
    assert found.rpo == judge_rpo(HOUR, 70 * MINUTE)
    assert found.overdue_since is None
    again = stand(good, bad, point(MINUTE))
    assert (again.damaged, again.healthy) == ((), True)


def test_a_point_whose_pieces_are_gone_is_no_point() -> None:
    found = stand(replace(FRESH, stored_bytes=0, verified_at=NOW - MINUTE))
    assert (found.captured_at, found.verified, found.healthy) == (None, None, False)


def test_a_drill_of_one_scenario_that_passed_hides_no_failure_of_another() -> None:
    failed = drill_at(NOW - DAY, result="failed", checks=(BAD,), scenario="region-failure")
    passed = drill_at(NOW - HOUR)
    found = stand(FRESH, drills=(failed, passed))
    assert (found.last_drill, found.failed_drills, found.healthy) == (passed, (failed,), False)
    again = drill_at(NOW - MINUTE, scenario="region-failure")
    assert stand(FRESH, drills=(failed, passed, again)).healthy


def test_points_that_nobody_can_date_are_told_apart_from_none() -> None:
    found = stand(point(-DAY))
    assert (found.captured_at, len(found.misdated)) == (None, 1)


def test_a_drill_that_was_stopped_after_it_had_overrun_breaks_the_rto() -> None:
    """Eleven minutes pass from its start to its end."""
    stopped = drill_at(NOW - HOUR, result="aborted", checks=(), rto=judge_rto(RTO, None))
    for length, met in ((RTO, True), (RTO + MINUTE, False)):
        ran = replace(stopped, ended_at=stopped.started_at + length)
        found = stand(FRESH, drills=(drill_at(NOW - DAY), ran))
        assert (found.rto.met, found.healthy, found.stopped_drill) == (met, met, ran)


def test_the_removal_of_what_was_restored_is_no_part_of_the_time() -> None:
    stopped = drill_at(NOW - HOUR, result="aborted", ended_at=NOW - HOUR + 16 * MINUTE, phases=(("dispose", 120.0),))
    assert stand(FRESH, drills=(stopped,)).rto.met is None


def test_a_drill_of_a_tiny_old_point_does_not_hide_that_the_newest_one_took_too_long() -> None:
    slow = drill_at(NOW - DAY, result="failed", rto=judge_rto(RTO, 16 * MINUTE))
    tiny = drill_at(NOW - HOUR, stored_bytes=1_000, rto=judge_rto(RTO, timedelta(seconds=1)))
    found = stand(FRESH, drills=(slow, tiny))
    assert (found.timed, found.rto, found.healthy) == (slow, judge_rto(RTO, 16 * MINUTE), False)


def test_a_drill_of_nothing_comparable_meets_no_promise() -> None:
    tiny = drill_at(NOW - HOUR, stored_bytes=1_000, rto=judge_rto(RTO, timedelta(seconds=1)))
    found = stand(FRESH, drills=(tiny,))
    assert (found.rto.measured, found.rto.met, found.healthy) == (timedelta(seconds=1), None, True)


def test_the_rto_is_missed_when_the_newest_point_would_take_longer_than_promised() -> None:
    larger = replace(FRESH, stored_bytes=2_000_000)
    found = stand(larger, drills=(drill_at(NOW - HOUR),))
    assert (found.rto.measured, found.expected, found.rto.met) == (10 * MINUTE, 18 * MINUTE, False)


def test_a_slow_drill_of_one_scenario_is_not_hidden_by_a_quick_one_of_another() -> None:
    slow = drill_at(NOW - DAY, scenario="region-failure", result="failed", rto=judge_rto(RTO, 16 * MINUTE))
    found = stand(FRESH, drills=(slow, drill_at(NOW - HOUR)))
    assert (found.timed, found.rto.met) == (slow, False)


def test_a_drill_that_was_stopped_neither_hides_a_failure_nor_counts_as_one() -> None:
    stopped = drill_at(NOW - HOUR, result="aborted", checks=())
    assert stand(FRESH, drills=(drill_at(NOW - DAY), stopped)).healthy
    failed = drill_at(NOW - DAY, result="failed", checks=(BAD,))
    assert not stand(FRESH, drills=(failed, stopped)).healthy


FOUR = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # in Madrid


def test_a_planned_drill_may_take_as_long_as_the_last_one_before_it_is_overdue() -> None:
    took = timedelta(minutes=11)
    last = drill_at(FOUR - DAY, ended_at=FOUR - DAY + took)
    end = FOUR + PATIENCE + took
    assert stand(point(NOW - end), drills=(last,), verify="0 4 * * *", now=end).drill_overdue_since is None
    late = stand(FRESH, drills=(last,), verify="0 4 * * *", now=NOW)
    assert (late.drill_overdue_since, late.healthy) == (FOUR, False)
    assert late.next_drill == FOUR + DAY


def test_evidence_that_a_drill_was_missed_excuses_it_not() -> None:
    missed = drill_at(FOUR, result="missed", checks=(), rto=judge_rto(None, None))
    found = stand(FRESH, drills=(drill_at(FOUR - DAY), missed), verify="0 4 * * *")
    assert found.drill_overdue_since == FOUR


def test_a_first_drill_is_asked_for_once_one_was_due_since_the_first_point() -> None:
    new = stand(point(HOUR), FRESH, verify="0 4 * * *")
    assert (new.drill_overdue_since, new.healthy) == (None, True)
    old = stand(point(DAY), FRESH, verify="0 4 * * *")
    assert (old.drill_overdue_since, old.healthy) == (FOUR, False)
    assert stand(point(DAY), FRESH, verify=None).healthy


def test_a_drill_dated_in_the_future_proves_nothing() -> None:
    assert stand(point(DAY), FRESH, verify="0 4 * * *", drills=(drill_at(NOW + HOUR),)).last_drill is None


def test_evidence_that_cannot_be_believed_is_not_healthy() -> None:
    assert not stand(FRESH, doubts=(Finding("evidence", False, "it is signed by nobody"),)).healthy


def test_past_gaps_are_told_where_no_point_was_removed_and_break_no_promise_now() -> None:
    points = [point(age * HOUR) for age in (40, 39, 30, 12, 11, 2, 1, 0)]
    found = stand(*points, rpo=90 * MINUTE)
    assert [gap.length for gap in found.gaps] == [9 * HOUR, 18 * HOUR, 9 * HOUR]
    assert found.healthy
    thinned = stand(*points, rpo=90 * MINUTE, whole_since=NOW - 25 * HOUR)
    assert thinned.gaps == (Gap(NOW - 25 * HOUR, NOW - 12 * HOUR), Gap(NOW - 11 * HOUR, NOW - 2 * HOUR))
    assert stand(*points, rpo=None).gaps == ()


def test_a_gap_that_is_still_open_is_the_rpo_of_now_and_no_past_gap() -> None:
    found = stand(point(5 * HOUR), point(4 * HOUR))
    assert (found.gaps, found.rpo.met) == ((), False)
