from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drkit.errors import UsageError
from drkit.model import Point
from drkit.when import (
    CLOCK_TOLERANCE,
    STORE_TOLERANCE,
    first_instant,
    format_length,
    format_moment,
    from_the_future,
    instants,
    misdated,
    parse_length,
    parse_moment,
    parse_when,
)

MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HALF_PAST_TWO = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def refusal(text: str, zone: ZoneInfo = MADRID) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_when(text, zone, NOW)
    return caught.value


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("45s", timedelta(seconds=45)),
        ("1.5s", timedelta(seconds=1.5)),
        ("90m", timedelta(minutes=90)),
        ("2h30m", timedelta(hours=2, minutes=30)),
        ("3d", timedelta(days=3)),
        ("1w", timedelta(weeks=1)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        (" 3d ", timedelta(days=3)),
        ("0s", timedelta(0)),
    ],
)
def test_a_length_is_read_as_the_sum_of_its_units(text: str, length: timedelta) -> None:
    assert parse_length(text) == length


@pytest.mark.parametrize(
    "text", ["", " ", "90", "-2h", "m", "30m2h", "1h1h", "2h 30m", "1.5h", "3 days", "1y", "٣d", "1" * 10 + "s"]
)
def test_a_length_without_units_in_order_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_length(text)
    assert "2h30m" in caught.value.hint


def test_a_length_longer_than_the_calendar_is_refused() -> None:
    with pytest.raises(UsageError, match="longer than any"):
        parse_length("999999999w")
    assert "outside the calendar" in str(refusal("999999d"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.31, "0.3s"),
        (12.04, "12s"),
        (59.97, "1m"),
        (60.4, "1m"),
        (5400, "1h30m"),
        (30 * 86400, "30d"),
        (86399.6, "1d"),
        (-90, "-1m30s"),
    ],
)
def test_a_length_is_written_in_as_few_units_as_people_need(seconds: float, text: str) -> None:
    assert format_length(timedelta(seconds=seconds)) == text


def test_a_moment_is_written_in_utc_with_microseconds_only_where_there_are_some() -> None:
    assert format_moment(datetime(2026, 11, 20, 15, 30, tzinfo=MADRID)) == "2026-11-20T14:30:00Z"
    assert format_moment(HALF_PAST_TWO.replace(microsecond=120)) == "2026-11-20T14:30:00.000120Z"


def test_a_moment_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        format_moment(datetime(2026, 11, 20))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T14:30:00",
        "2026-11-20T14:30:00+00:00",
        "2026-11-20 14:30:00Z",
        "2026-11-20T14:30Z",
        "2026-11-31T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "",
        "Z",
    ],
)
def test_a_moment_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a moment in UTC"):
        parse_moment(text)


def test_latest_is_no_moment_but_whatever_is_newest() -> None:
    assert parse_when("latest", MADRID, NOW) is None
    assert parse_when(" Latest ", MADRID, NOW) is None


def test_a_length_counts_back_from_now() -> None:
    assert parse_when("2h30m", MADRID, NOW) == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_a_length_ago_is_real_time_across_a_change_of_clocks() -> None:
    after_the_change = datetime(2026, 10, 25, 12, 0, tzinfo=UTC)
    assert parse_when("1d", MADRID, after_the_change) == datetime(2026, 10, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T14:30:00Z",
        "2026-11-20t14:30z",
        "2026-11-20 14:30 UTC",
        "2026-11-20 14:30 utc",
        "20261120T143000Z",
        "2026-11-20T15:30:00+01:00",
        "2026-11-20 15:30 +0100",
        "2026-11-20 15:30+01",
        "2026-11-20T09:00:00.000-05:30",
        "2026-11-20 15:30 Europe/Madrid",
        "2026-11-20 06:30 America/Los_Angeles",
        "2026-11-20 09:30 Etc/GMT+5",
        "2026-11-20 15:30",
    ],
)
def test_a_time_is_read_with_its_offset_its_zone_or_the_zone_of_the_schedule(text: str) -> None:
    assert parse_when(text, MADRID, NOW) == HALF_PAST_TWO


def test_what_was_read_is_in_utc() -> None:
    assert format_moment(parse_when("2026-11-20 15:30", MADRID, NOW) or NOW) == "2026-11-20T14:30:00Z"
    read = parse_when("2026-11-20T15:30+01:00", MADRID, NOW)
    assert read is not None
    assert read.tzinfo is UTC


def test_a_moment_in_the_future_is_read_and_left_to_the_planner() -> None:
    assert parse_when("2027-01-01T00:00:00Z", MADRID, NOW) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_time_that_comes_twice_is_refused_with_both_ways_to_write_it() -> None:
    refused = refusal("2026-10-25 02:30")
    assert "twice in Europe/Madrid" in str(refused)
    assert "2026-10-25T02:30:00+02:00 for the first" in refused.hint
    assert "2026-10-25T02:30:00+01:00 for the second" in refused.hint
    assert parse_when("2026-10-25T02:30:00+02:00", MADRID, NOW) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert parse_when("2026-10-25T02:30:00+01:00", MADRID, NOW) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_time_that_comes_twice_in_the_zone_that_was_typed_is_refused_too() -> None:
    assert "twice in America/New_York" in str(refusal("2026-11-01 01:30 America/New_York"))


def test_a_time_that_never_comes_is_refused_with_the_nearest_ones() -> None:
    refused = refusal("2026-03-29 02:30")
    assert "does not exist in Europe/Madrid" in str(refused)
    assert "2026-03-29T01:59:59+01:00 before" in refused.hint
    assert "2026-03-29T03:00:00+02:00 after" in refused.hint


def test_a_day_that_a_zone_left_out_is_refused_with_its_neighbours() -> None:
    refused = refusal("2011-12-30 12:00", ZoneInfo("Pacific/Apia"))
    assert "2011-12-29T23:59:59-10:00 before" in refused.hint
    assert "2011-12-31T00:00:00+14:00 after" in refused.hint


def test_the_edges_of_a_missing_hour_are_read() -> None:
    assert parse_when("2026-03-29 01:59:59", MADRID, NOW) == datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    assert parse_when("2026-03-29 03:00", MADRID, NOW) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_day_alone_is_refused_with_its_start_and_its_end() -> None:
    refused = refusal("2026-11-20")
    assert "whole day" in str(refused)
    assert "2026-11-20T00:00:00+01:00 for its start" in refused.hint
    assert "2026-11-21T00:00:00+01:00 for its end" in refused.hint


def test_a_day_whose_midnight_is_skipped_starts_when_its_clocks_do() -> None:
    assert "2026-09-06T01:00:00-03:00 for its start" in refusal("2026-09-06 America/Santiago").hint


@pytest.mark.parametrize("name", ["PST", "Europe", "Europe/Madri", "a" * 300, "+25:00"])
def test_a_zone_that_does_not_exist_is_refused_by_name(name: str) -> None:
    assert f"no time zone {name!r}" in str(refusal(f"2026-11-20 14:30 {name}"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "tomorrow",
        "-2h",
        "14:30",
        "2026-11-20 14",
        "2026-11-20 24:00",
        "2026-11-20 14:60",
        "20/11/2026 14:30",
        "2026-11-20 14:30 Europe/../UTC",
    ],
)
def test_anything_else_is_refused_with_every_form_there_is(text: str) -> None:
    hint = refusal(text).hint
    for form in ("latest", "2h30m", "2026-11-20T14:30:00Z", "Europe/Madrid"):
        assert form in hint


def test_a_day_that_is_not_in_the_calendar_is_refused() -> None:
    assert "no day 2026-02-30" in str(refusal("2026-02-30 10:00"))


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31 23:59 America/New_York", "9999-12-31"])
def test_a_moment_at_the_edge_of_the_calendar_is_refused(text: str) -> None:
    assert "outside the calendar" in str(refusal(text))


def test_a_moment_is_from_the_future_once_no_honest_clock_explains_it() -> None:
    assert not from_the_future(NOW + CLOCK_TOLERANCE, NOW)
    assert from_the_future(NOW + CLOCK_TOLERANCE + timedelta(microseconds=1), NOW)


def test_clocks_show_a_time_once_twice_or_never() -> None:
    assert instants(datetime(2026, 7, 1, 2, 30), MADRID) == [datetime(2026, 7, 1, 0, 30, tzinfo=UTC)]
    assert instants(datetime(2026, 10, 25, 2, 30), MADRID) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]
    assert instants(datetime(2026, 3, 29, 2, 30), MADRID) == []


def test_the_first_instant_of_a_skipped_time_is_the_change_itself() -> None:
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert {first_instant(datetime(2026, 3, 29, 2, minute), MADRID) for minute in range(60)} == {change}


def test_a_point_is_misdated_when_it_lies_ahead_of_now_or_far_ahead_of_its_own_arrival() -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    later = at + timedelta(days=1)

    def arrived(after: timedelta | None) -> Point:
        return Point("shop/main", "id", at, 1, committed_at=None if after is None else at + after)

    assert not misdated(arrived(None), later)
    assert not misdated(arrived(timedelta(days=300)), later)
    assert not misdated(arrived(-STORE_TOLERANCE), later)
    assert misdated(arrived(-STORE_TOLERANCE - timedelta(seconds=1)), later)
    assert misdated(arrived(None), at - timedelta(hours=1))
