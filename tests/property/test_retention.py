"""The judgement against a second one, made from the words of the rules and nothing else, and the laws it must obey."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drkit.model import Point
from drkit.retention import Policy, judge, removes_most
from drkit.when import CLOCK_TOLERANCE

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")]
BOTH_CHANGES = (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC))
NOW = datetime(2027, 1, 5, 0, 0, tzinfo=UTC)
COUNTS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")

zones = st.sampled_from(ZONES)
counts = st.integers(0, 4)
lengths = st.none() | st.sampled_from([timedelta(hours=6), timedelta(days=2), timedelta(days=40)])
policies = st.builds(Policy, lengths, counts, counts, counts, counts, counts, counts, counts)
moments = st.one_of(
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from([*BOTH_CHANGES, NOW]),
        st.integers(-300, 300),
    ),
    st.builds(lambda hours: NOW - timedelta(hours=hours), st.integers(0, 24 * 500)),
)


@st.composite
def histories(draw: st.DrawFn, latest: datetime | None = None) -> list[Point]:
    found = draw(st.lists(moments, max_size=24))
    drilled = st.sampled_from(["no"] * 5 + ["verified", "refuted"])
    return [
        Point(
            *("shop/main", f"{number:02}", at, 1, draw(st.sampled_from([False] * 5 + [True]))),
            verified_at=NOW if shown == "verified" else None,
            refuted_at=NOW if shown == "refuted" else None,
        )
        for number, at in enumerate(found)
        if latest is None or at <= latest
        for shown in [draw(drilled)]
    ]


def kept(policy: Policy, points: list[Point], zone: ZoneInfo, now: datetime = NOW) -> set[Point]:
    return {verdict.point for verdict in judge(policy, points, zone, now) if verdict.reasons}


def _period(rule: str, point: Point, zone: ZoneInfo) -> object:
    local = point.consistent_at.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday())
    return {
        "last": point.id,
        "hourly": (local.date(), local.hour, local.utcoffset()),
        "daily": local.date(),
        "weekly": monday,
        "monthly": date(local.year, local.month, 1),
        "yearly": local.year,
    }[rule]


def _kept_by_the_words(policy: Policy, points: list[Point], zone: ZoneInfo) -> set[Point]:
    future = {point for point in points if point.consistent_at - CLOCK_TOLERANCE > NOW}
    good = [point for point in points if point not in future and not point.pinned]

    def newer(one: Point, other: Point) -> bool:
        return (one.consistent_at, one.id) > (other.consistent_at, other.id)

    def stays(point: Point) -> bool:
        if point.pinned or point in future:
            return True
        if policy.within is not None and all(
            other.consistent_at - policy.within <= point.consistent_at for other in good if newer(other, point)
        ):
            return True
        if point.verified_at and not any(
            newer(other, point) for other in points if other.verified_at and other not in future
        ):
            return True
        if sum(newer(other, point) for other in good) < policy.min_points:
            return True
        for rule in COUNTS:
            mine = _period(rule, point, zone)
            newer_periods = {_period(rule, other, zone) for other in good if newer(other, point)}
            if mine not in newer_periods and len(newer_periods) < getattr(policy, rule):
                return True
        return False

    return {point for point in points if stays(point)}


@settings(deadline=None)
@given(policies, histories(), zones)
def test_the_judgement_is_what_the_words_of_the_rules_say(policy: Policy, points: list[Point], zone: ZoneInfo) -> None:
    sound = [point for point in points if point.refuted_at is None]
    said = _kept_by_the_words(policy, points, zone) | _kept_by_the_words(policy, sound, zone)
    assert kept(policy, points, zone) == said


@settings(deadline=None)
@given(policies, histories(), zones, st.data())
def test_refuting_a_point_never_removes_another_and_points_that_are_refuted_save_none_of_their_own(
    policy: Policy, points: list[Point], zone: ZoneInfo, data: st.DataObject
) -> None:
    assume(points)
    chosen = data.draw(st.sampled_from(points))
    refuted = [replace(each, verified_at=None, refuted_at=NOW) if each == chosen else each for each in points]
    before, after = ({each.id for each in kept(policy, one, zone)} for one in (points, refuted))
    assert before - {chosen.id} <= after
    sound = [each for each in refuted if each.refuted_at is None]
    assert {each.id for each in kept(policy, sound, zone)} <= after


@settings(deadline=None)
@given(policies, histories(), zones, st.sampled_from(COUNTS), st.integers(1, 5))
def test_asking_for_more_never_removes_another_point(
    policy: Policy, points: list[Point], zone: ZoneInfo, rule: str, more: int
) -> None:
    larger = replace(policy, **{rule: getattr(policy, rule) + more})
    assert kept(policy, points, zone) <= kept(larger, points, zone)


@settings(deadline=None)
@given(policies, histories(), zones)
def test_a_second_judgement_removes_nothing_more(policy: Policy, points: list[Point], zone: ZoneInfo) -> None:
    left = kept(policy, points, zone)
    assert kept(policy, list(left), zone) == left


@settings(deadline=None)
@given(policies, histories(), zones, st.randoms())
def test_the_order_of_the_listing_is_irrelevant(
    policy: Policy, points: list[Point], zone: ZoneInfo, random: Random
) -> None:
    shuffled = random.sample(points, len(points))
    assert judge(policy, shuffled, zone, NOW) == judge(policy, points, zone, NOW)


@settings(deadline=None)
@given(policies, histories(latest=NOW), zones, st.timedeltas(timedelta(0), timedelta(days=10_000)))
def test_a_pause_of_any_length_changes_no_verdict(
    policy: Policy, points: list[Point], zone: ZoneInfo, pause: timedelta
) -> None:
    assert judge(policy, points, zone, NOW + pause) == judge(policy, points, zone, NOW)


@settings(deadline=None)
@given(policies, histories(), zones, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_clock_set_back_never_removes_another_point(
    policy: Policy, points: list[Point], zone: ZoneInfo, back: timedelta
) -> None:
    assert kept(policy, points, zone) <= kept(policy, points, zone, NOW - back)


@settings(deadline=None)
@given(policies, histories(), zones, st.data())
def test_pinning_a_point_never_removes_another(
    policy: Policy, points: list[Point], zone: ZoneInfo, data: st.DataObject
) -> None:
    assume(points)
    chosen = data.draw(st.sampled_from(points))
    pinned = [replace(point, pinned=True) if point == chosen else point for point in points]
    still = {point.id for point in kept(policy, pinned, zone)}
    assert {point.id for point in kept(policy, points, zone)} <= still


@settings(deadline=None)
@given(policies, histories(latest=NOW), zones)
def test_the_floor_holds_and_the_newest_verified_point_stays(
    policy: Policy, points: list[Point], zone: ZoneInfo
) -> None:
    left = kept(policy, points, zone)
    assert len(left) >= min(policy.min_points, len(points))
    verified = [point for point in points if point.verified_at]
    if verified:
        assert max(verified, key=lambda point: (point.consistent_at, point.id)) in left


@settings(deadline=None)
@given(policies, histories(), zones)
def test_every_point_gets_one_verdict_newest_first(policy: Policy, points: list[Point], zone: ZoneInfo) -> None:
    verdicts = judge(policy, points, zone, NOW)
    assert sorted(verdict.point.id for verdict in verdicts) == sorted(point.id for point in points)
    stamps = [verdict.point.consistent_at for verdict in verdicts]
    assert stamps == sorted(stamps, reverse=True)
    gone = len(points) - len(kept(policy, points, zone))
    assert removes_most(verdicts) == (gone > len(points) - gone)


@settings(deadline=None)
@given(st.sampled_from(BOTH_CHANGES), zones)
def test_across_a_change_of_clocks_a_day_of_hourly_points_is_kept_whole(change: datetime, zone: ZoneInfo) -> None:
    points = [Point("shop/main", f"{n:02}", change + timedelta(hours=n - 12), 1) for n in range(24)]
    assert kept(Policy(hourly=24, min_points=0), points, zone) == set(points)
