from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drkit.errors import UsageError
from drkit.when import first_instant, format_length, format_moment, instants, parse_length, parse_moment, parse_when

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NAMES = ["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Beirut"]

zones = st.sampled_from(NAMES).map(ZoneInfo)
walls = st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1))
near_changes = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(
        [datetime(2026, 3, 29, 2), datetime(2026, 10, 25, 2), datetime(2026, 11, 1, 1), datetime(2026, 4, 5, 2)]
    ),
    st.integers(-180, 180),
)
moments = st.datetimes(timezones=st.just(UTC))
lengths = st.integers(0, 10**9).map(lambda seconds: timedelta(seconds=seconds))


@settings(deadline=None)
@given(lengths)
def test_a_length_of_whole_seconds_survives_being_written_and_read(length: timedelta) -> None:
    assert parse_length(format_length(length)) == length


@settings(deadline=None)
@given(st.timedeltas(timedelta(0), timedelta(days=10**6)))
def test_any_length_is_written_within_half_a_second_and_alike_the_second_time(length: timedelta) -> None:
    read = parse_length(format_length(length))
    assert abs(read - length) <= timedelta(seconds=0.05 if length < timedelta(minutes=1) else 0.5)
    assert format_length(read) == format_length(length)


@settings(deadline=None)
@given(moments)
def test_a_moment_survives_being_written_and_read(moment: datetime) -> None:
    assert parse_moment(format_moment(moment)) == moment


@settings(deadline=None)
@given(moments, zones)
def test_a_moment_that_was_written_is_understood_wherever_one_is_asked_for(moment: datetime, zone: ZoneInfo) -> None:
    assert parse_when(format_moment(moment), zone, NOW) == moment


@settings(deadline=None)
@given(walls | near_changes, st.integers(-14 * 60, 14 * 60), zones)
def test_an_offset_is_taken_at_its_word(wall: datetime, minutes: int, zone: ZoneInfo) -> None:
    moment = wall.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_when(moment.isoformat(), zone, NOW) == moment


@settings(deadline=None)
@given(walls | near_changes, zones)
def test_a_time_is_read_exactly_when_its_zone_has_it_once(wall: datetime, zone: ZoneInfo) -> None:
    text = wall.isoformat(" ")
    if len(found := _instants_by_scan(wall, zone)) == 1:
        assert parse_when(text, zone, NOW) == found[0]
        assert parse_when(f"{text} {zone.key}", ZoneInfo("UTC"), NOW) == found[0]
    else:
        with pytest.raises(UsageError, match="twice" if found else "does not exist"):
            parse_when(text, zone, NOW)


@settings(deadline=None)
@given(walls | near_changes, zones)
def test_every_instant_is_found_from_what_its_clocks_show(wall: datetime, zone: ZoneInfo) -> None:
    assert instants(wall, zone) == _instants_by_scan(wall, zone)


@settings(deadline=None)
@given(near_changes, zones)
def test_the_first_instant_is_the_earliest_whose_clocks_have_come_that_far(wall: datetime, zone: ZoneInfo) -> None:
    instant = first_instant(wall, zone)
    assert instant.astimezone(zone).replace(tzinfo=None) >= wall
    minute = timedelta(minutes=1)
    assert all((instant - n * minute).astimezone(zone).replace(tzinfo=None) < wall for n in range(1, 300))


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_other_text_is_refused_as_usage_and_nothing_else(text: str) -> None:
    assume(text.strip().lower() != "latest")
    try:
        parse_when(text, ZoneInfo("Europe/Madrid"), NOW)
    except UsageError as refused:
        assert refused.hint


def _instants_by_scan(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """By trying every quarter of an hour that an offset can be."""
    candidates = (
        wall.replace(tzinfo=UTC) - timedelta(minutes=15 * quarters) for quarters in range(16 * 4, -16 * 4, -1)
    )
    return [each for each in candidates if each.astimezone(zone).replace(tzinfo=None, fold=0) == wall]
