"""Where months meet, where runs are late, and where one thing could be told twice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from drkit.model import Point
from drkit.report.document import to_document
from drkit.report.facts import make_report
from drkit.report.period import days_of, month_due, month_of
from drkit.verify.exposure import captured, rpo_at
from report_simulation import ZONE, live_a_year, make_drill
from report_sources import MAY, NOW, RTO, START, UTC_ZONE, answers, daily_points, drill_at, judged, known


def without(points: Sequence[Point], *days: int) -> list[Point]:
    return [point for point in points if point.consistent_at.month != 5 or point.consistent_at.day not in days]


def test_a_backup_for_which_there_is_still_time_is_due_and_not_missed() -> None:
    now = datetime(2026, 5, 31, 12, tzinfo=UTC)
    backups = judged(known(points=without(daily_points(), 31)), now).backups
    assert (backups.planned, backups.captured, backups.missed, backups.due) == (31, 30, 0, 1)


def test_a_drill_that_comes_days_late_is_one_by_hand_and_the_planned_one_was_missed() -> None:
    april = drill_at(datetime(2026, 4, 1, 4, tzinfo=UTC))
    drills = judged(known([april, drill_at(START + timedelta(days=3))])).drills
    assert (drills.planned, drills.missed, drills.run, drills.by_hand) == (1, 1, 1, 1)
    on_time = judged(known([drill_at(START + timedelta(hours=27))])).drills
    assert (on_time.missed, on_time.by_hand) == (0, 0)


def test_no_drill_is_asked_for_before_the_first_that_left_evidence_as_the_schedule_may_be_that_young() -> None:
    never = judged(known(verify="0 4 * * *"), NOW + timedelta(hours=1))
    assert (never.drills.planned, never.drills.missed, never.drills.due) == (1, 0, 1)
    by_hand = drill_at(datetime(2026, 5, 20, 14, tzinfo=UTC))
    drills = judged(known([by_hand], verify="0 4 * * *")).drills
    assert (drills.planned, drills.missed, drills.due, drills.by_hand) == (12, 10, 1, 0)


def test_a_drill_of_the_last_night_that_began_after_midnight_answers_the_plan_of_its_month() -> None:
    late = drill_at(datetime(2026, 6, 1, 0, 10, tzinfo=UTC))
    drills = judged(known([late], verify="50 23 31 5 *")).drills
    assert (drills.planned, drills.missed, drills.run, drills.by_hand) == (1, 0, 0, 0)


def test_a_planned_drill_that_never_ran_is_not_excused_by_an_earlier_one() -> None:
    april = drill_at(datetime(2026, 4, 1, 4, tzinfo=UTC))
    source = judged(known([april]))
    assert answers(source)["restores"] == "unknown"
    assert source.undrilled_at == (START + timedelta(hours=4),)


def test_a_gap_that_began_before_the_month_counts_in_full() -> None:
    points = [point for point in daily_points() if not datetime(2026, 4, 30, tzinfo=UTC) < point.consistent_at < START]
    assert judged(known(points=without(points, 1, 2))).promises[2].measured == timedelta(days=4)
    assert judged(known(points=without(points, 1, 2))).gaps[0].start == datetime(2026, 4, 29, 1, tzinfo=UTC)


def test_a_gap_is_over_when_a_point_of_the_next_month_ended_it() -> None:
    points = [*without(daily_points(), 30, 31)]
    first_of_june = replace(points[-1], consistent_at=datetime(2026, 6, 1, 0, 30, tzinfo=UTC))
    (gap,) = [each for each in judged(known(points=[*points, first_of_june])).incidents if each.trouble == "gap"]
    assert (gap.end, gap.done) == (first_of_june.consistent_at, "a point appeared again on 1 Jun 00:30")


def test_a_month_of_which_retention_has_left_nothing_is_unknown() -> None:
    june = [point for point in daily_points() if point.consistent_at >= datetime(2026, 6, 1, tzinfo=UTC)]
    rest = replace(known(points=june), complete_since=datetime(2026, 6, 1, tzinfo=UTC))
    source = judged(rest)
    assert answers(source)["rpo"] == "unknown"
    assert source.gaps == ()


def test_backups_missed_in_a_row_are_one_exception_and_those_inside_a_gap_belong_to_it() -> None:
    wide = replace(known(points=without(daily_points(), 4, 5, 6, 20)), rpo=timedelta(days=3))
    told = [(each.trouble, each.what) for each in judged(wide).incidents if "drill" not in each.trouble]
    assert told == [
        ("gap", "no new point for 4d, 3 planned backups missed"),
        ("backups missed", "1 planned backup missed"),
    ]
    apart = replace(known(points=without(daily_points(), 4, 5, 20)), rpo=timedelta(days=9))
    told = [(each.trouble, each.what) for each in judged(apart).incidents if "drill" not in each.trouble]
    assert told == [("backups missed", "2 planned backups missed"), ("backups missed", "1 planned backup missed")]


def test_a_drill_that_passed_before_settles_nothing() -> None:
    aborted = replace(drill_at(START + timedelta(days=5)), result="aborted")
    (incident,) = judged(known([drill_at(START + timedelta(hours=4)), aborted])).incidents
    assert (incident.trouble, incident.settled) == ("drill aborted", False)


@pytest.mark.parametrize("seed", [3, 5])
def test_the_worst_loss_of_a_day_is_that_of_its_worst_moment(seed: int) -> None:
    year = live_a_year(seed)
    month = date(2026, 3, 1)
    now = datetime(2027, 1, 3, tzinfo=UTC)
    appeared = captured(year.points, now)
    by_day = dict(make_report("shop", [year.known()], month, ZONE, now).sources[0].rpo_by_day)
    instant = timedelta(microseconds=1)
    for day, start, end in days_of(month_of(month, ZONE, now), ZONE):
        moments = [start, end, *(point.since - instant for point in appeared if start < point.since <= end)]
        losses = [loss for loss in (rpo_at(moment, appeared) for moment in moments) if loss is not None]
        told = by_day[day]
        assert told is not None
        assert abs(told - max(losses)) <= instant


def test_durations_in_the_json_form_are_never_less_than_they_were() -> None:
    took = timedelta(minutes=15, milliseconds=1)
    drill = make_drill("shop/main", START + timedelta(hours=4), took, RTO, "failed")
    document = to_document(make_report("shop", [known([drill])], MAY, ZONE, NOW))
    assert '"measured": 901' in str(document).replace("'", '"')


@pytest.mark.parametrize(
    ("now", "captured_at", "month"),
    [
        (datetime(2026, 6, 1, 5, tzinfo=UTC), START, MAY),
        (datetime(2026, 6, 7, 23, tzinfo=UTC), START, MAY),
        (datetime(2026, 6, 8, 0, tzinfo=UTC), START, date(2026, 6, 1)),
        (datetime(2026, 6, 3, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC), date(2026, 6, 1)),
        (datetime(2026, 6, 3, tzinfo=UTC), None, date(2026, 6, 1)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC), date(2025, 12, 1)),
    ],
)
def test_the_last_month_is_due_in_the_first_week_if_there_was_anything_in_it(
    now: datetime, captured_at: datetime | None, month: date
) -> None:
    assert month_due(UTC_ZONE, captured_at, now) == month


def test_no_drill_is_asked_for_before_the_source_began() -> None:
    """The first of May was before its first point; what ran then would count all the same."""
    began = [point for point in daily_points() if point.consistent_at > datetime(2026, 5, 10, tzinfo=UTC)]
    new = judged(known(points=began))
    assert (new.drills.planned, new.drills.missed) == (0, 0)
    ran = judged(known([drill_at(datetime(2026, 5, 1, 4, 1, tzinfo=UTC))], points=began))
    assert (ran.drills.planned, ran.drills.run, ran.drills.by_hand) == (1, 1, 0)
