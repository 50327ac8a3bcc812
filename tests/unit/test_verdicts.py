from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from drills import AT, BAD, GOOD, UNKNOWN, drill_at
from drkit.catalog import Proof
from drkit.model import Check, Point
from drkit.verify.exposure import (
    Gap,
    Recoverable,
    captured,
    judge_exposure,
    measure_exposure,
    proven,
    rpo_at,
    verified,
    wider_than,
)
from drkit.verify.forecast import Forecast, forecast_rto
from drkit.verify.model import Drill, Target
from drkit.verify.verdicts import judge_backup, judge_clock, judge_result, judge_rpo, judge_rto, scale_rto

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEPT, BROKEN = Target(HOUR, MINUTE, True), Target(HOUR, DAY, False)


def test_a_promise_is_kept_up_to_its_last_moment() -> None:
    assert judge_rto(HOUR, HOUR) == Target(HOUR, HOUR, True)
    assert judge_rto(HOUR, HOUR + timedelta.resolution).met is False
    assert judge_rpo(HOUR, HOUR).met is True
    assert judge_rpo(HOUR, HOUR + timedelta.resolution).met is False


def test_without_a_measured_time_nobody_can_say_and_without_a_point_the_promise_is_broken() -> None:
    assert judge_rto(HOUR, None).met is None
    assert judge_rpo(HOUR, None).met is False
    assert judge_rto(None, HOUR).met is None
    assert judge_rpo(None, None).met is None


@pytest.mark.parametrize(
    ("error", "checks", "rto", "rpo", "result"),
    [
        ("", (GOOD, UNKNOWN), KEPT, KEPT, "passed"),
        ("", (GOOD,), Target(None, MINUTE, None), Target(None, None, None), "passed"),
        ("pg_restore died", (GOOD,), KEPT, KEPT, "failed"),
        ("", (GOOD, BAD), KEPT, KEPT, "failed"),
        ("", (UNKNOWN,), KEPT, KEPT, "failed"),
        ("", (), KEPT, KEPT, "failed"),
        ("", (GOOD,), BROKEN, KEPT, "failed"),
        ("", (GOOD,), KEPT, BROKEN, "failed"),
    ],
)
def test_a_drill_passes_when_something_was_shown_nothing_was_wrong_and_no_promise_is_broken(
    error: str, checks: tuple[Check, ...], rto: Target, rpo: Target, result: str
) -> None:
    assert judge_result(error, checks, rto, rpo) == result


@pytest.mark.parametrize(
    ("drill", "proof"),
    [
        (drill_at(), "verified"),
        (drill_at(result="failed", rto=BROKEN), "verified"),
        (drill_at(result="failed", rpo=BROKEN), "verified"),
        (drill_at(result="failed", checks=(GOOD, BAD)), "refuted"),
        (drill_at(result="failed", checks=(BAD,), error="1 of 1 objects is damaged", reached=None), "refuted"),
        (drill_at(result="failed", checks=(GOOD,), error="the disk is full"), None),
        (drill_at(result="failed", checks=(), reached=None, error="the disk is full"), None),
        (drill_at(checks=(UNKNOWN,)), None),
        (drill_at(reached=None), None),
        (drill_at(result="aborted"), None),
        (drill_at(result="aborted", checks=(BAD,)), None),
        (drill_at(result="missed", backup=None), None),
        (drill_at(result="failed", backup=None, checks=(BAD,)), None),
    ],
)
def test_a_backup_is_verified_by_checks_refuted_by_checks_and_by_nothing_else(
    drill: Drill, proof: Proof | None
) -> None:
    assert judge_backup(drill) == proof


def test_only_the_phases_that_grow_are_scaled() -> None:
    drill = drill_at(stored_bytes=1000)
    assert scale_rto(drill, 1000) == 10 * MINUTE
    assert scale_rto(drill, 2000) == 18 * MINUTE
    assert scale_rto(drill, 500) == 6 * MINUTE
    assert scale_rto(drill, 0) == 2 * MINUTE


def test_phases_that_took_longer_than_was_measured_do_not_make_time_run_backwards() -> None:
    drill = drill_at(rto=judge_rto(None, MINUTE), stored_bytes=1000)
    assert scale_rto(drill, 0) == timedelta(0)
    assert scale_rto(drill, 3000) == 3 * MINUTE


def test_what_measured_nothing_cannot_be_scaled() -> None:
    assert scale_rto(drill_at(rto=judge_rto(HOUR, None)), 1000) is None
    assert scale_rto(drill_at(stored_bytes=0), 1000) is None


def point(at: timedelta, took: timedelta = MINUTE, verified_after: timedelta | None = None, size: int = 1) -> Point:
    moment = AT + at
    seen_at = moment + verified_after if verified_after else None
    return Point("shop/main", f"{at}", moment, size, verified_at=seen_at, committed_at=moment + took)


def test_a_point_counts_from_when_its_manifest_was_in_the_store() -> None:
    found = captured([point(HOUR), point(timedelta(0), 5 * MINUTE)], AT + DAY)
    assert found == [Recoverable(AT, AT + 5 * MINUTE), Recoverable(AT + HOUR, AT + HOUR + MINUTE)]
    assert rpo_at(AT + HOUR, found) == HOUR
    assert rpo_at(AT + HOUR + MINUTE, found) == MINUTE
    assert rpo_at(AT + 4 * MINUTE, found) is None
    assert rpo_at(AT, []) is None


def test_an_hourly_backup_exposes_more_than_an_hour() -> None:
    points = captured([point(hour * HOUR, 5 * MINUTE) for hour in range(24)], AT + DAY)
    exposure = measure_exposure(points, AT + HOUR, AT + DAY)
    assert exposure.largest is not None
    assert exposure.largest.length == HOUR + 5 * MINUTE
    assert judge_exposure(HOUR, exposure) == Target(HOUR, HOUR + 5 * MINUTE, False)


def test_a_store_that_was_copied_later_does_not_rewrite_history() -> None:
    copied_at = AT + 30 * DAY
    points = [replace(point(hour * HOUR), committed_at=copied_at) for hour in range(24)]
    exposure = measure_exposure(captured(points, AT + 31 * DAY), AT, AT + 22 * HOUR)
    assert exposure.uncovered == timedelta(0)
    assert {gap.length for gap in exposure.gaps[:-1]} == {HOUR}


def test_of_two_points_captured_at_once_both_count_from_when_they_were_there() -> None:
    twice = [point(timedelta(0), 5 * MINUTE), point(MINUTE, 5 * MINUTE), point(HOUR)]
    assert [found.since - AT for found in captured(twice, AT + DAY)] == [5 * MINUTE, 6 * MINUTE, HOUR + MINUTE]


def test_a_stamp_that_lies_ahead_of_now_is_not_believed() -> None:
    assert captured([point(timedelta(0), HOUR)], AT + MINUTE) == [Recoverable(AT, AT)]


def test_a_point_that_nobody_can_date_covers_nothing() -> None:
    ahead = point(DAY)
    backdated = replace(point(DAY), committed_at=AT)
    assert captured([ahead], AT + HOUR) == []
    assert captured([backdated], AT + 2 * DAY) == []
    assert verified([replace(ahead, verified_at=AT)], AT + HOUR) == []


def test_a_stamp_from_before_the_moment_of_the_point_is_not_believed() -> None:
    assert captured([point(HOUR, -MINUTE)], AT + DAY) == [Recoverable(AT + HOUR, AT + HOUR)]


def test_a_point_just_captured_by_a_clock_that_is_a_little_fast_leaves_nothing_to_lose() -> None:
    fast = [point(timedelta(0)), point(HOUR + 2 * MINUTE, -2 * MINUTE)]
    assert rpo_at(AT + HOUR, captured(fast, AT + HOUR)) == timedelta(0)


def test_verified_points_count_from_their_drill() -> None:
    points = [point(timedelta(0), verified_after=3 * HOUR), point(HOUR)]
    assert verified(points, AT + DAY) == [Recoverable(AT, AT + 3 * HOUR)]


def test_what_drills_have_proven_is_the_history_of_verified_points() -> None:
    good = drill_at()
    others = [drill_at(result="failed", checks=(BAD,)), drill_at(result="aborted"), drill_at(reached=None)]
    assert proven([good, *others]) == [Recoverable(AT - 10 * MINUTE, AT + 11 * MINUTE)]


def at(*hours: float) -> list[Recoverable]:
    return [Recoverable(AT + hour * HOUR, AT + hour * HOUR) for hour in hours]


def test_gaps_that_reach_into_the_period_and_gaps_still_open_count_with_all_their_length() -> None:
    exposure = measure_exposure(at(-30, 2, 3), AT, AT + 10 * HOUR)
    assert exposure.gaps == (
        Gap(AT - 30 * HOUR, AT + 2 * HOUR),
        Gap(AT + 2 * HOUR, AT + 3 * HOUR),
        Gap(AT + 3 * HOUR, AT + 10 * HOUR),
    )
    assert exposure.largest == exposure.gaps[0]
    assert wider_than(6 * HOUR, exposure.gaps) == [exposure.gaps[0], exposure.gaps[2]]


def test_a_pause_is_a_gap_however_regular_the_points_around_it_are() -> None:
    exposure = measure_exposure(at(0, 1, 2, 50, 51), AT, AT + 51 * HOUR)
    assert exposure.largest == Gap(AT + 2 * HOUR, AT + 50 * HOUR)


def test_an_older_point_that_appears_later_closes_no_gap() -> None:
    late = Recoverable(AT - HOUR, AT + 5 * HOUR)
    assert measure_exposure([*at(0), late], AT, AT + 9 * HOUR).gaps == (Gap(AT, AT + 9 * HOUR),)


def test_without_any_point_the_whole_period_is_uncovered_and_the_promise_broken() -> None:
    exposure = measure_exposure([], AT, AT + DAY)
    assert (exposure.gaps, exposure.uncovered) == ((), DAY)
    assert judge_exposure(HOUR, exposure) == Target(HOUR, None, False)
    assert judge_exposure(None, exposure).met is None


def test_a_first_point_that_appears_as_the_period_ends_can_be_restored_at_its_end() -> None:
    exposure = measure_exposure([Recoverable(AT + 23 * HOUR, AT + DAY)], AT, AT + DAY)
    assert (exposure.gaps, exposure.uncovered) == ((Gap(AT + 23 * HOUR, AT + DAY),), DAY)
    assert judge_exposure(HOUR, exposure) == Target(HOUR, HOUR, None)


def test_of_a_period_that_began_without_points_nobody_can_say_that_it_was_kept() -> None:
    exposure = measure_exposure(at(1, 2, 3), AT, AT + 3 * HOUR)
    assert exposure.uncovered == HOUR
    assert judge_exposure(HOUR, exposure) == Target(HOUR, HOUR, None)
    assert judge_exposure(HOUR - MINUTE, exposure).met is False
    assert judge_exposure(HOUR, measure_exposure(at(0, 1, 2, 3), AT, AT + 3 * HOUR)).met is True


def history(growth: float, days: int = 60, noise: float = 0, drills: int = 3) -> tuple[list[Drill], list[Point]]:
    """A backup a day that grows by so many bytes, to 1,000,000 at the end; a drill takes 2 min and 8 min/1,000,000."""
    random = Random(7)
    points = [
        point((day - days) * DAY, size=round(1_000_000 + growth * (day - days) + random.uniform(-noise, noise)))
        for day in range(days + 1)
    ]
    return [drill_at(AT - number * DAY) for number in range(drills)], points


def forecast(target: timedelta | None, drills: list[Drill], points: list[Point]) -> Forecast:
    return forecast_rto(target, drills, points, AT)


def test_steady_growth_names_the_day_on_which_the_target_is_missed() -> None:
    found = forecast(15 * MINUTE, *history(10_000))
    assert (found.outlook, found.expected) == ("missed later", 10 * MINUTE)
    # 5 minutes are left, and a day adds 4.8 seconds
    assert found.at == AT + 62.5 * DAY


def test_noise_and_a_few_absurd_sizes_and_drills_hardly_move_that_day() -> None:
    drills, points = history(10_000, noise=30_000)
    absurd = [replace(each, stored_bytes=90_000_000) if number % 7 == 3 else each for number, each in enumerate(points)]
    slow = drill_at(AT - 30 * DAY, rto=judge_rto(None, DAY), phases=(("fetch_and_load", 86_000.0),))
    found = forecast(15 * MINUTE, [slow, *drills], absurd)
    assert found.outlook == "missed later"
    assert found.at is not None
    assert abs(found.at - (AT + 62.5 * DAY)) < 12 * DAY


def test_what_already_takes_too_long_is_missed_now() -> None:
    found = forecast(9 * MINUTE, *history(10_000))
    assert (found.outlook, found.expected, found.at) == ("missed now", 10 * MINUTE, AT)


@pytest.mark.parametrize("growth", [0, -10_000, 100])
def test_sizes_that_stay_shrink_or_hardly_grow_keep_the_target_as_far_ahead_as_can_be_told(growth: float) -> None:
    found = forecast(15 * MINUTE, *history(growth))
    assert (found.outlook, found.at) == ("kept", AT + 240 * DAY)


def test_pure_noise_close_to_the_target_names_no_day() -> None:
    found = forecast(10 * MINUTE + MINUTE / 10, *history(0, days=12, noise=200_000))
    assert (found.outlook, found.at) == ("unknown", None)


@pytest.mark.parametrize(
    ("target", "drills", "points"),
    [
        (None, *history(10_000)),
        (15 * MINUTE, *history(10_000, drills=2)),
        (15 * MINUTE, *history(10_000, days=6)),
        (15 * MINUTE, history(10_000)[0], history(10_000)[1][::15]),
        (15 * MINUTE, [], []),
        (15 * MINUTE, [drill_at(AT, rto=judge_rto(HOUR, None))] * 5, history(10_000)[1]),
        (15 * MINUTE, [drill_at(AT, stored_bytes=0)] * 5, history(10_000)[1]),
        (15 * MINUTE, [drill_at(AT, stored_bytes=9_000)] * 5, history(10_000)[1]),
        (15 * MINUTE, history(10_000)[0], [replace(each, committed_at=AT - 90 * DAY) for each in history(10_000)[1]]),
    ],
    ids=[
        "no target",
        "two drills",
        "six days",
        "five points",
        "nothing",
        "no times",
        "no sizes",
        "tiny drills",
        "no true dates",
    ],
)
def test_too_little_to_go_by_makes_no_forecast(
    target: timedelta | None, drills: list[Drill], points: list[Point]
) -> None:
    found = forecast(target, drills, points)
    assert (found.outlook, found.at, found.expected) == ("unknown", None, None)
    assert found.reason


def test_growth_of_long_ago_is_not_the_present_growth() -> None:
    drills, points = history(0, days=60)
    old = [point((day - 500) * DAY, size=1000 * day) for day in range(400)]
    assert forecast(15 * MINUTE, drills, [*old, *points]).outlook == "kept"


def test_many_points_of_one_day_weigh_no_more_than_one_of_another() -> None:
    drills, points = history(10_000)
    crowd = [point(-DAY * number / 1000, size=1_000_000) for number in range(1000)]
    found = forecast(15 * MINUTE, drills, [*points, *crowd])
    assert found.at is not None
    assert abs(found.at - (AT + 62.5 * DAY)) < 10 * DAY


def test_a_restore_whose_time_does_not_depend_on_size_never_misses_by_growing() -> None:
    _, points = history(10_000)
    found = forecast(15 * MINUTE, [drill_at(phases=(("provision", 600.0),))] * 3, points)
    assert (found.outlook, found.expected) == ("kept", 10 * MINUTE)


def test_by_clocks_that_are_far_apart_nobody_can_tell_what_would_be_lost() -> None:
    drill = drill_at()
    near = judge_clock(drill, timedelta(minutes=-5))
    assert (near.result, near.rpo.met, near.clock_offset) == ("passed", True, -300.0)
    far = judge_clock(drill, timedelta(minutes=-50))
    assert (far.result, far.rpo.met, far.clock_offset) == ("failed", None, -3000.0)
    assert "50m apart" in far.error
    assert judge_clock(replace(drill, error="no room"), timedelta(hours=1)).error.startswith("no room; the clocks")
