from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.errors import NotRestorable
from drkit.model import Point
from drkit.restore.plan import RestorePlan, plan_restore
from drkit.when import CLOCK_TOLERANCE

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

moments = st.integers(-60, 30).map(lambda minutes: NOW + timedelta(minutes=minutes))
histories = st.lists(moments, unique=True, max_size=8).map(
    lambda found: [Point("shop/main", f"{moment:%H%M}", moment, 1) for moment in found]
)


def plan_or_none(points: list[Point], wanted: datetime | None) -> RestorePlan | None:
    try:
        return plan_restore(points, wanted, NOW)
    except NotRestorable:
        return None


@settings(deadline=None)
@given(histories, st.none() | moments)
def test_the_plan_is_what_trying_every_point_finds(points: list[Point], wanted: datetime | None) -> None:
    best = None
    for point in points:
        honest = point.consistent_at <= NOW + CLOCK_TOLERANCE
        early_enough = wanted is None or point.consistent_at <= wanted <= NOW
        if honest and early_enough and (best is None or point.consistent_at > best.consistent_at):
            best = point
    plan = plan_or_none(points, wanted)
    assert (plan.point if plan else None) == best


@settings(deadline=None)
@given(histories, st.none() | moments)
def test_a_plan_never_reaches_beyond_what_is_wanted_and_says_how_far_short_it_falls(
    points: list[Point], wanted: datetime | None
) -> None:
    if plan := plan_or_none(points, wanted):
        assert plan.reaches == plan.point.consistent_at
        assert plan.distance >= timedelta(0)
        if wanted:
            assert plan.reaches + plan.distance == wanted


@settings(deadline=None)
@given(histories, st.none() | moments, st.randoms())
def test_the_order_of_the_listing_is_irrelevant(points: list[Point], wanted: datetime | None, random: Random) -> None:
    assert plan_or_none(sorted(points, key=lambda _: random.random()), wanted) == plan_or_none(points, wanted)
