from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drkit.model import Point
from drkit.restore.plan import plan_restore
from drkit.verify.moment import pick_moment

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
AGES = st.timedeltas(timedelta(0), timedelta(days=4000))


@given(ages=st.lists(AGES, min_size=1, max_size=20), seed=st.text(), later=AGES)
def test_every_moment_that_is_picked_can_be_restored_and_waiting_changes_nothing(
    ages: list[timedelta], seed: str, later: timedelta
) -> None:
    points = [Point("shop/main", f"{number}", NOW - age, 1, committed_at=NOW - age) for number, age in enumerate(ages)]
    moment = pick_moment(points, seed, NOW)
    plan = plan_restore(points, moment, NOW)
    assert min(point.consistent_at for point in points) <= plan.reaches <= moment <= NOW
    assert pick_moment(points, seed, NOW + later) == moment
