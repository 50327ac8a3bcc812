"""Exposure against a count that goes through the period second by second, and the laws that a forecast must obey."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from drills import drill_at
from drkit.model import Point
from drkit.verify.exposure import Recoverable, captured, judge_exposure, measure_exposure, rpo_at, wider_than
from drkit.verify.forecast import forecast_rto, measure_growth
from drkit.verify.verdicts import FARTHEST, scale_rto

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TARGET = timedelta(minutes=15)

seconds = st.integers(-40, 80)
points = st.lists(
    st.builds(
        lambda at, delay: Recoverable(START + at * SECOND, START + (at + delay) * SECOND), seconds, st.integers(0, 15)
    ),
    max_size=8,
)
ends = st.integers(1, 60).map(lambda length: START + length * SECOND)


def lost(moment: datetime, found: list[Recoverable], just_before: bool) -> timedelta | None:
    """In the words: the time since the newest moment that can be restored then, or could the instant before."""
    newest = None
    for each in found:
        there = each.since < moment if just_before else each.since <= moment
        if there and (newest is None or each.at > newest):
            newest = each.at
    return None if newest is None else moment - newest


@given(points, seconds)
def test_the_loss_at_a_moment_is_what_looking_at_every_point_finds(found: list[Recoverable], second: int) -> None:
    moment = START + second * SECOND
    assert rpo_at(moment, found) == lost(moment, found, just_before=False)


@given(points, ends)
def test_the_largest_gap_is_the_largest_loss_of_any_second(found: list[Recoverable], end: datetime) -> None:
    moments = [START + second * SECOND for second in range((end - START) // SECOND + 1)]
    losses = [lost(moment, found, just_before=False) for moment in moments]
    losses += [lost(moment, found, just_before=True) for moment in moments[1:]]
    exposure = measure_exposure(found, START, end)
    assert (exposure.largest.length if exposure.largest else None) == max(
        (x for x in losses if x is not None), default=None
    )
    assert exposure.uncovered == SECOND * sum(lost(moment, found, just_before=True) is None for moment in moments[1:])


@given(points, ends, st.integers(0, 60))
def test_the_gaps_that_are_too_wide_are_the_seconds_in_which_too_much_would_be_lost(
    found: list[Recoverable], end: datetime, target: int
) -> None:
    exposure = measure_exposure(found, START, end)
    too_much = wider_than(target * SECOND, exposure.gaps)
    for second in range(1, (end - START) // SECOND + 1):
        moment = START + second * SECOND
        loss = lost(moment, found, just_before=True)
        covered = any(gap.start + target * SECOND < moment <= gap.end for gap in too_much)
        assert loss is None or covered == (loss > target * SECOND)


@given(points, ends, st.randoms())
def test_gaps_come_in_order_and_the_order_of_the_points_is_irrelevant(
    found: list[Recoverable], end: datetime, random: Random
) -> None:
    exposure = measure_exposure(found, START, end)
    assert measure_exposure(random.sample(found, len(found)), START, end) == exposure
    starts, closed = [gap.start for gap in exposure.gaps], [gap.end for gap in exposure.gaps]
    assert starts == sorted(set(starts))
    assert closed == sorted(closed)
    assert closed[-1:] in ([], [end])


@given(points, ends, st.integers(0, 60))
def test_one_more_point_never_makes_an_exposure_worse(found: list[Recoverable], end: datetime, second: int) -> None:
    more = [*found, Recoverable(START + second * SECOND, START + second * SECOND)]
    one, other = measure_exposure(found, START, end), measure_exposure(more, START, end)
    assert other.uncovered <= one.uncovered
    if judge_exposure(TARGET, one).met:
        assert judge_exposure(TARGET, other).met


histories = st.lists(
    st.builds(
        lambda at, took: Point("shop/main", f"{at}", START + at * SECOND, 1, committed_at=START + (at + took) * SECOND),
        st.integers(-1000, 1000),
        st.integers(-5, 10_000),
    ),
    max_size=8,
)


@given(histories, seconds)
def test_no_point_counts_before_its_moment_or_after_now(found: list[Point], second: int) -> None:
    now = START + second * SECOND
    for each in captured(found, now):
        assert each.at <= each.since <= now


sizes = st.integers(0, 10**12)


@given(st.floats(0, FARTHEST), st.floats(0, FARTHEST), st.integers(1, 10**12))
def test_more_bytes_never_take_less_time(few: float, many: float, drilled: int) -> None:
    drill = drill_at(stored_bytes=drilled)
    less, more = (scale_rto(drill, int(drilled * times)) for times in sorted((few, many)))
    assert less is not None
    assert more is not None
    assert timedelta(0) <= less <= more
    assert scale_rto(drill, drilled) == drill.rto.measured
    assert scale_rto(drill, drilled * FARTHEST + 1) is None


series = st.lists(st.tuples(st.integers(0, 80), sizes), min_size=0, max_size=90, unique_by=lambda each: each[0])


@settings(deadline=None)
@given(series, st.integers(0, 30), st.randoms())
def test_a_forecast_is_made_of_any_history_and_names_no_past(
    found: list[tuple[int, int]], minutes: int, random: Random
) -> None:
    days = [
        Point("shop/main", f"{ago}", START - timedelta(days=ago), size, committed_at=START - timedelta(days=ago))
        for ago, size in found
    ]
    drills = [drill_at(START - timedelta(days=ago)) for ago in range(3)]
    target = timedelta(minutes=minutes)
    made = forecast_rto(target, drills, days, START)
    assert made.at is None or made.at >= START
    assert (made.at is None) == (made.outlook == "unknown")
    assert made.reason
    assert forecast_rto(target, random.sample(drills, 3), random.sample(days, len(days)), START) == made


@given(st.integers(0, 10**9), st.integers(-(10**4), 10**4), st.integers(2, 100), st.data())
def test_the_growth_of_a_straight_line_is_found_even_if_one_size_in_five_is_absurd(
    start: int, slope: int, count: int, data: st.DataObject
) -> None:
    absurd = data.draw(st.sets(st.integers(0, count - 1), max_size=count // 5))
    line = [
        (START + number * SECOND, data.draw(sizes) if number in absurd else start + slope * number)
        for number in range(count)
    ]
    found = measure_growth(line, START)
    assert found.least <= found.slope <= found.steepest
    if count <= 64 and not absurd:
        assert (found.size, found.slope, found.least, found.steepest) == (start, slope, slope, slope)
