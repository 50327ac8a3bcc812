from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.model import Point
from drkit.retention import Policy, Verdict, judge, removes_most

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def point(at: datetime, *, pinned: bool = False, verified: bool = False) -> Point:
    stamp = at.astimezone(UTC)
    return Point("shop/main", f"{stamp:%Y%m%dT%H%M%SZ}", stamp, 1, pinned, stamp if verified else None)


def back(length: timedelta, *, pinned: bool = False, verified: bool = False) -> Point:
    return point(NOW - length, pinned=pinned, verified=verified)


def days(*numbers: int) -> list[Point]:
    return [back(timedelta(days=number)) for number in numbers]


def kept(verdicts: list[Verdict]) -> list[Point]:
    return [verdict.point for verdict in verdicts if verdict.reasons]


def reasons(verdicts: list[Verdict], of: Point) -> tuple[str, ...]:
    return next(verdict.reasons for verdict in verdicts if verdict.point == of)


def test_verdicts_come_newest_first_and_name_every_rule_that_keeps_the_point() -> None:
    policy = Policy(within=timedelta(days=30), last=3, hourly=1, daily=1, weekly=1, monthly=1, yearly=1)
    older, newest = days(400, 0)
    verdicts = judge(policy, [older, newest], MADRID, NOW)
    assert [verdict.point for verdict in verdicts] == [newest, older]
    assert reasons(verdicts, newest) == (
        "within 30d",
        "last 3",
        "hourly 2026-11-20 13:00+01:00",
        "daily 2026-11-20",
        "weekly 2026-W47",
        "monthly 2026-11",
        "yearly 2026",
        "one of the newest 3",
    )
    assert reasons(verdicts, older) == ("last 3", "one of the newest 3")


def test_a_point_without_a_reason_may_go() -> None:
    verdicts = judge(Policy(last=1, min_points=0), days(0, 1), MADRID, NOW)
    assert [verdict.reasons for verdict in verdicts] == [("last 1",), ()]


def test_within_includes_the_point_exactly_at_its_edge() -> None:
    points = [back(timedelta(0)), back(timedelta(days=3)), back(timedelta(days=3, seconds=1))]
    assert kept(judge(Policy(within=timedelta(days=3), min_points=0), points, MADRID, NOW)) == points[:2]


def test_within_is_measured_from_the_newest_point_and_not_from_the_clock() -> None:
    points = days(100, 101, 105)
    assert kept(judge(Policy(within=timedelta(days=2), min_points=0), points, MADRID, NOW)) == points[:2]


def test_within_the_longest_length_there_is_keeps_all() -> None:
    points = days(0, 3000)
    assert kept(judge(Policy(within=timedelta(days=999_999_999), min_points=0), points, MADRID, NOW)) == points


def test_the_newest_point_of_a_day_stands_for_it() -> None:
    points = [back(timedelta(hours=hours)) for hours in (0, 1, 24, 25)]
    assert kept(judge(Policy(daily=2, min_points=0), points, MADRID, NOW)) == [points[0], points[2]]


def test_days_without_a_point_use_up_no_count() -> None:
    points = days(0, 20, 90)
    assert kept(judge(Policy(daily=3, min_points=0), points, MADRID, NOW)) == points


def test_days_begin_at_midnight_in_the_zone_of_the_schedule() -> None:
    before, after = (
        point(datetime(2026, 11, 18, 23, 59, tzinfo=MADRID)),
        point(datetime(2026, 11, 19, 0, 1, tzinfo=MADRID)),
    )
    policy = Policy(daily=2, min_points=0)
    assert kept(judge(policy, [before, after], MADRID, NOW)) == [after, before]
    assert kept(judge(policy, [before, after], ZoneInfo("UTC"), NOW)) == [after]


def test_weeks_are_those_of_iso_8601() -> None:
    new_year = point(datetime(2027, 1, 1, 12, tzinfo=MADRID))
    verdicts = judge(Policy(weekly=1), [new_year], MADRID, new_year.consistent_at)
    assert "weekly 2026-W53" in reasons(verdicts, new_year)


def test_the_hour_that_comes_twice_in_autumn_is_two_hours() -> None:
    first, second = (point(datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=MADRID)) for fold in (0, 1))
    verdicts = judge(Policy(hourly=2, min_points=0), [first, second], MADRID, NOW)
    assert reasons(verdicts, second) == ("hourly 2026-10-25 02:00+01:00",)
    assert reasons(verdicts, first) == ("hourly 2026-10-25 02:00+02:00",)


def test_the_hours_around_the_one_that_is_skipped_in_spring_are_two_hours() -> None:
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    points = [point(change + timedelta(minutes=minutes)) for minutes in (30, -30)]
    assert kept(judge(Policy(hourly=2, min_points=0), points, MADRID, NOW)) == points


def test_a_day_that_comes_back_at_midnight_is_one_day() -> None:
    st_johns = ZoneInfo("America/St_Johns")  # until 2011 its clocks went from 00:01 back to 23:01 the day before
    points = [
        point(datetime(2010, 11, 7, 2, 31, tzinfo=UTC) + timedelta(minutes=minutes)) for minutes in (70, 20, -1, -60)
    ]
    assert kept(judge(Policy(daily=2, min_points=0), points, st_johns, NOW)) == points[:2]


def test_the_newest_few_stay_whatever_the_rules_say() -> None:
    points = [back(timedelta(minutes=minutes)) for minutes in range(5)]
    verdicts = judge(Policy(yearly=1, min_points=3), points, MADRID, NOW)
    assert kept(verdicts) == points[:3]
    assert reasons(verdicts, points[2]) == ("one of the newest 3",)


def test_the_newest_verified_point_stays_however_old() -> None:
    older, newest = back(timedelta(days=800), verified=True), back(timedelta(days=700), verified=True)
    verdicts = judge(Policy(last=1, min_points=0), [*days(0, 1), older, newest], MADRID, NOW)
    assert reasons(verdicts, newest) == ("newest verified",)
    assert reasons(verdicts, older) == ()


def test_a_pinned_point_stays_and_takes_no_part_in_the_rules() -> None:
    pinned = back(timedelta(0), pinned=True)
    points = days(1, 2, 3)
    verdicts = judge(Policy(last=2, within=timedelta(days=1), min_points=0), [pinned, *points], MADRID, NOW)
    assert reasons(verdicts, pinned) == ("pinned",)
    assert kept(verdicts) == [pinned, *points[:2]]


def test_a_verified_point_that_is_pinned_is_still_the_newest_verified() -> None:
    pinned, older = back(timedelta(days=1), pinned=True, verified=True), back(timedelta(days=9), verified=True)
    verdicts = judge(Policy(last=1, min_points=0), [*days(0), pinned, older], MADRID, NOW)
    assert reasons(verdicts, pinned) == ("newest verified", "pinned")
    assert reasons(verdicts, older) == ()


def test_a_point_from_the_future_stays_and_displaces_nothing() -> None:
    stray = back(-timedelta(days=365), verified=True)
    points = days(0, 1, 2)
    verdicts = judge(Policy(last=1, within=timedelta(days=1), min_points=2), [stray, *points], MADRID, NOW)
    assert reasons(verdicts, stray) == ("from the future",)
    assert kept(verdicts) == [stray, *points[:2]]


def test_a_point_a_little_ahead_of_the_clock_is_an_ordinary_point() -> None:
    ahead = back(-timedelta(minutes=5))
    assert reasons(judge(Policy(last=1, min_points=0), [ahead], MADRID, NOW), ahead) == ("last 1",)


def test_no_points_give_no_verdicts() -> None:
    assert judge(Policy(last=1), [], MADRID, NOW) == []
    assert not removes_most([])


def test_a_policy_without_a_rule_keeps_nothing() -> None:
    assert Policy().keeps_nothing()
    assert Policy(min_points=9).keeps_nothing()
    assert Policy(within=timedelta(0)).keeps_nothing()


def test_a_policy_with_any_rule_keeps_something() -> None:
    rules = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
    assert not any(Policy(**{rule: 1}).keeps_nothing() for rule in rules)
    assert not Policy(within=timedelta(hours=1)).keeps_nothing()


def test_more_than_half_is_most() -> None:
    stays, goes = (Verdict(back(timedelta(0)), reasons) for reasons in (("last 1",), ()))
    assert not removes_most([stays, goes])
    assert removes_most([stays, goes, goes])


def test_a_point_that_a_drill_refuted_takes_no_other_points_place_and_stays_while_a_rule_names_it() -> None:
    newest, good, older = days(0, 1, 2)
    refuted = replace(newest, refuted_at=NOW)
    verdicts = judge(Policy(last=1, daily=1, min_points=1), [refuted, good, older], MADRID, NOW)
    assert kept(verdicts) == [refuted, good]
    assert reasons(verdicts, good) == ("last 1", "daily 2026-11-19", "one of the newest 1")


def test_a_verified_point_whose_pieces_are_gone_is_not_the_newest_verified_one() -> None:
    newest, older = back(timedelta(0), verified=True), back(timedelta(days=1), verified=True)
    verdicts = judge(Policy(last=1, min_points=0), [replace(newest, stored_bytes=0), older], MADRID, NOW)
    assert reasons(verdicts, older) == ("last 1", "newest verified")
