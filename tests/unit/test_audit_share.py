from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.audit import EVERYTHING, parse_share
from drkit.audit.share import is_due
from drkit.catalog import make_id
from drkit.errors import UsageError
from drkit.model import Point

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def points(count: int) -> list[Point]:
    moments = (FIRST + timedelta(hours=number) for number in range(count))
    return [Point("shop/main", make_id(moment, "0123abcd"), moment, 1) for moment in moments]


@settings(deadline=None)
@given(
    count=st.integers(1, 200),
    share=st.sampled_from(["100%", "50%", "33%", "10%", "7.5%", "1", "3", "50", "1000"]),
    start=st.dates(date(2020, 1, 1), date(2100, 1, 1)),
)
def test_every_point_has_its_turn_on_just_one_day_of_a_round(count: int, share: str, start: date) -> None:
    days = parse_share(share).days(count)
    for point in points(count):
        turns = [is_due(point, days, start + timedelta(days=day)) for day in range(days)]
        assert turns.count(True) == 1


@settings(deadline=None)
@given(count=st.integers(1, 500), amount=st.integers(1, 50), start=st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_a_point_that_stays_is_read_though_the_number_of_points_grows_by_half_meanwhile(
    count: int, amount: int, start: date
) -> None:
    """A round doubles at most once then, and within the longer one everything has its turn."""
    share = parse_share(str(amount))
    longest = share.days(count + count // 2)
    stays = points(1)[0]
    assert any(
        is_due(stays, share.days(count + count // 2 * day // longest), start + timedelta(days=day))
        for day in range(2 * longest)
    )


@pytest.mark.parametrize(
    ("share", "count", "days"),
    [("100%", 7, 1), ("10%", 7, 10), ("30%", 7, 4), ("5", 5, 1), ("5", 6, 2), ("5", 20, 4), ("5", 21, 8), ("3", 0, 1)],
)
def test_a_round_takes_as_many_days_as_the_share_needs(share: str, count: int, days: int) -> None:
    assert parse_share(share).days(count) == days


def test_without_a_share_every_point_is_read_every_day() -> None:
    assert all(is_due(point, EVERYTHING.days(50), date(2026, 11, 27)) for point in points(50))


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "-5", "2.5", "ten", "10 %%", "0.001%", "1e3", "10%,5"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no part of the points"):
        parse_share(text)
