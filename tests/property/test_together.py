"""How far apart the states of a set lie, against the plain definition."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drkit.restore.together import measure_spread

AT = datetime(2026, 11, 20, tzinfo=UTC)
REACHED = st.dictionaries(
    st.sampled_from(["shop/a", "shop/b", "shop/c", "shop/d"]),
    st.integers(0, 3).map(lambda minutes: AT + timedelta(minutes=minutes)),
    min_size=1,
)


@given(REACHED)
def test_the_skew_is_the_longest_way_between_any_two_and_its_ends_are_told(reached: dict[str, datetime]) -> None:
    spread = measure_spread(reached)
    assert spread.skew == max(abs(one - other) for one in reached.values() for other in reached.values())
    assert reached[spread.oldest[0]] == spread.oldest[1] == min(reached.values())
    assert reached[spread.newest[0]] == spread.newest[1] == max(reached.values())
    assert ("apart" in str(spread)) == (spread.skew > timedelta(0))
