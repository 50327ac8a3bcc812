import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from drkit.errors import ConfigError
from drkit.timetable import first_skipped, longest_gap, next_run, parse_cron, runs

MADRID = ZoneInfo("Europe/Madrid")
UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SPRING = (datetime(2026, 3, 29, 0, 0, tzinfo=MADRID), datetime(2026, 3, 29, 5, 0, tzinfo=MADRID))
AUTUMN = (datetime(2026, 10, 25, 0, 0, tzinfo=MADRID), datetime(2026, 10, 25, 5, 0, tzinfo=MADRID))


def shown(line: str, night: tuple[datetime, datetime], zone: ZoneInfo = MADRID) -> list[str]:
    return [f"{run.astimezone(zone):%H:%M%z}" for run in runs(parse_cron(line), zone, *night)]


def test_the_next_run_is_in_utc_and_later_than_the_one_before() -> None:
    cron = parse_cron("30 2 * * *")
    first = next_run(cron, MADRID, NOW)
    assert first == datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
    assert first.tzinfo is UTC
    assert next_run(cron, MADRID, first) == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


def test_runs_leave_out_the_start_and_include_the_end() -> None:
    start, end = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert list(runs(parse_cron("0 * * * *"), MADRID, start, end)) == [end - timedelta(hours=1), end]


def test_a_nightly_job_whose_hour_is_skipped_runs_once_right_after_it() -> None:
    assert shown("30 2 * * *", SPRING) == ["03:00+0200"]


def test_a_nightly_job_whose_hour_comes_twice_runs_in_the_first_only() -> None:
    assert shown("30 2 * * *", AUTUMN) == ["02:30+0200"]


def test_several_jobs_of_one_skipped_hour_are_one_run() -> None:
    assert shown("*/20 2 * * *", SPRING) == ["03:00+0200"]
    assert shown("0,30 2,3 * * *", SPRING) == ["03:00+0200", "03:30+0200"]


def test_a_half_hourly_job_follows_real_time_on_either_night() -> None:
    for night, hours in ((SPRING, 4), (AUTUMN, 6)):
        made = list(runs(parse_cron("*/30 * * * *"), MADRID, *night))
        assert len(made) == 2 * hours
        assert {later - earlier for earlier, later in pairwise(made)} == {timedelta(minutes=30)}


def test_an_hourly_job_neither_doubles_in_spring_nor_pauses_in_autumn() -> None:
    assert shown("15 * * * *", SPRING) == ["00:15+0100", "01:15+0100", "03:15+0200", "04:15+0200"]
    assert shown("15 * * * *", AUTUMN)[1:4] == ["01:15+0200", "02:15+0200", "02:15+0100"]


def test_a_job_every_two_hours_waits_no_longer_on_either_night() -> None:
    assert shown("0 */2 * * *", SPRING) == ["03:00+0200", "04:00+0200"]
    assert shown("0 */2 * * *", AUTUMN) == ["02:00+0200", "02:00+0100", "04:00+0100"]


def test_a_change_of_clocks_at_midnight_neither_loses_nor_doubles_a_run() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # from 00:00 on to 01:00 in spring, from 00:00 back to 23:00 in autumn
    spring = (datetime(2026, 3, 28, 22, 0, tzinfo=beirut), datetime(2026, 3, 29, 2, 0, tzinfo=beirut))
    autumn = (datetime(2026, 10, 24, 22, 0, tzinfo=beirut), datetime(2026, 10, 25, 2, 0, tzinfo=beirut))
    assert shown("30 0 * * *", spring, beirut) == ["01:00+0300"]
    assert shown("30 23 * * *", autumn, beirut) == ["23:30+0300"]
    assert shown("30 * * * *", autumn, beirut) == ["22:30+0300", "23:30+0300", "23:30+0200", "00:30+0200", "01:30+0200"]


def test_runs_stay_in_order_where_a_day_comes_back_after_its_end() -> None:
    st_johns = ZoneInfo("America/St_Johns")  # until 2011 its clocks went from 00:01 back to 23:01 the day before
    night = (datetime(2010, 11, 6, 23, 0, tzinfo=st_johns), datetime(2010, 11, 7, 1, 0, tzinfo=st_johns))
    made = shown("*/30 * * * *", night, st_johns)
    assert made == ["23:30-0230", "00:00-0230", "23:30-0330", "00:00-0330", "00:30-0330", "01:00-0330"]


def test_the_next_run_can_be_on_the_day_before() -> None:
    st_johns = ZoneInfo("America/St_Johns")
    just_past_midnight = datetime(2010, 11, 7, 0, 0, 30, tzinfo=st_johns)
    run = next_run(parse_cron("30 * * * *"), st_johns, just_past_midnight)
    assert run.astimezone(st_johns).isoformat() == "2010-11-06T23:30:00-03:30"


def test_a_job_of_a_day_that_a_zone_left_out_runs_once_right_after_it() -> None:
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
    night = (datetime(2011, 12, 29, 12, 0, tzinfo=apia), datetime(2012, 1, 1, 0, 0, tzinfo=apia))
    made = [run.astimezone(apia).isoformat() for run in runs(parse_cron("30 2 * * *"), apia, *night)]
    assert made == ["2011-12-31T00:00:00+14:00", "2011-12-31T02:30:00+14:00"]


def test_a_day_of_the_month_and_a_weekday_are_joined_by_or() -> None:
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    made = runs(parse_cron("0 12 13 * fri"), ZoneInfo("UTC"), start, start + timedelta(days=21))
    assert [run.day for run in made] == [6, 13, 20]


@pytest.mark.parametrize("line", ["0 4 * * 0", "0 4 * * 7", "0 4 * * sun", "0 4 * * SUN"])
def test_sunday_has_four_names(line: str) -> None:
    assert next_run(parse_cron(line), MADRID, NOW) == datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_a_leap_day_is_found_years_ahead() -> None:
    assert next_run(parse_cron("0 0 29 2 *"), ZoneInfo("UTC"), NOW) == datetime(2028, 2, 29, tzinfo=UTC)


def test_a_cron_line_reads_as_it_was_written_but_for_its_spaces() -> None:
    cron = parse_cron(" */30  * * * * ")
    assert f"{cron} {cron!r}" == "*/30 * * * * Cron('*/30 * * * *')"


@pytest.mark.parametrize(
    "line",
    [
        *("", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"),
        *("*/0 * * * *", "every night at two am", "H * * * *", "R * * * *", "0 0 L * *", "0 0 * * 5#2", "jan * * * *"),
        *("-1 * * * *", "1,,2 * * * *", "1-2-3 * * * *", "? * * * *", "١ * * * *", "* * * foo *"),
    ],
)
def test_a_line_that_is_no_cron_line_is_refused(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cron(line)
    assert repr(line) in str(caught.value)
    assert "02:30" in caught.value.hint


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_line_that_never_fires_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="never fires"):
        parse_cron(line)


@pytest.mark.parametrize("line", ["*/90 * * * *", "0 */36 * * *"])
def test_a_step_that_cannot_mean_what_it_says_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="too wide"):
        parse_cron(line)


@pytest.mark.parametrize(
    ("line", "gap"),
    [
        ("* * * * *", timedelta(minutes=1)),
        ("*/30 * * * *", timedelta(minutes=30)),
        ("15 * * * *", timedelta(hours=1)),
        ("0 */2 * * *", timedelta(hours=2)),
        ("30 2 * * *", timedelta(hours=25)),
        ("0 8-18 * * *", timedelta(hours=15)),
        ("0 4 * * 1-5", timedelta(days=3, hours=1)),
        ("0 4 1 * *", timedelta(days=31, hours=1)),
        ("0 12 31 * *", timedelta(days=61, hours=1)),
        ("0 0 1 1 *", timedelta(days=366)),
        ("0 0 29 2 *", timedelta(days=1461)),
    ],
)
def test_the_longest_gap_counts_short_months_leap_years_and_the_long_night(line: str, gap: timedelta) -> None:
    assert longest_gap(parse_cron(line), MADRID, NOW) == gap


def test_the_long_night_is_seen_when_the_next_one_is_53_weeks_away() -> None:
    new_york = ZoneInfo("America/New_York")  # 1 November 2026 and 7 November 2027
    the_day_after = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
    assert longest_gap(parse_cron("30 1 * * *"), new_york, the_day_after) == timedelta(hours=25)


def test_a_zone_that_leaves_its_clocks_alone_has_no_long_night() -> None:
    assert longest_gap(parse_cron("30 2 * * *"), ZoneInfo("UTC"), NOW) == timedelta(days=1)
    assert longest_gap(parse_cron("0 1,22 * * *"), ZoneInfo("UTC"), NOW) == timedelta(hours=21)


def test_a_star_among_others_is_every_value() -> None:
    for line in ("0 0 *,5 * *", "0 *,5 * * *", "*,5 4 * * *", "0 4 * * *,mon"):
        assert shown(line, AUTUMN, UTC_ZONE) == shown(re.sub(r"\*,\w+", "*", line), AUTUMN, UTC_ZONE)


def test_the_first_time_that_clocks_skip_is_told() -> None:
    assert first_skipped(parse_cron("30 2 * * *"), MADRID, NOW) == datetime(2027, 3, 28, 2, 30)
    assert first_skipped(parse_cron("0 */2 * * *"), MADRID, NOW) == datetime(2027, 3, 28, 2, 0)


def test_nothing_is_skipped_of_what_runs_every_hour_or_at_another_time_or_day_or_where_clocks_stay() -> None:
    for line in ("30 * * * *", "30 4 * * *", "30 2 * * mon", "30 2 1 1 *"):
        assert first_skipped(parse_cron(line), MADRID, NOW) is None
    assert first_skipped(parse_cron("30 2 * * *"), UTC_ZONE, NOW) is None


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("0 4-4 * * *", "0 4 * * *"),
        ("0 04-4,6 * * *", "0 4,6 * * *"),
        ("0 4-4/2 * * *", "0 4 * * *"),
        ("5-5 3 * * *", "5 3 * * *"),
        ("0 3 7-7 * *", "0 3 7 * *"),
        ("0 3 1 2-2 *", "0 3 1 2 *"),
        ("0 3 1 FEB-2 *", "0 3 1 2 *"),
        ("0 3 * * mon-mon", "0 3 * * 1"),
        ("0 3 * * 7-7", "0 3 * * 0"),
        ("0 3 * * 7-0", "0 3 * * 0"),
    ],
)
def test_a_range_that_begins_where_it_ends_is_that_one_value(line: str, same: str) -> None:
    ours, theirs = parse_cron(line), parse_cron(same)
    assert (ours.times, ours.days, ours.months, ours.weekdays) == (
        theirs.times,
        theirs.days,
        theirs.months,
        theirs.weekdays,
    )
    assert not ours.every_hour


def test_a_range_around_the_week_is_every_day_of_it() -> None:
    for line in ("0 3 * * 0-7", "0 3 * * 1-0", "0 3 * * sun-sat"):
        assert parse_cron(line).weekdays is None
