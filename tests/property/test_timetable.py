"""Runs against croniter in naive time, where it knows no clocks that change, and against the laws of the night."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.errors import ConfigError
from drkit.timetable import longest_gap, next_run, parse_cron, runs
from drkit.when import instants

UTC_ZONE = ZoneInfo("UTC")
ZONES = [
    ZoneInfo(name)
    for name in ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago")
]
CHANGES = [
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 11, 1),
]


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    steps = st.integers(1, high - low)
    # croniter takes 4-4 for every value there is
    ends = st.tuples(numbers, numbers).map(sorted).filter(lambda ends: ends[0] < ends[1])
    ranges = ends.map(lambda ends: f"{ends[0]}-{ends[1]}")
    items = st.one_of(numbers.map(str), ranges, st.builds("{}/{}".format, st.just("*") | ranges, steps))
    return st.just("*") | st.lists(items, min_size=1, max_size=3).map(",".join)


def is_read(line: str) -> bool:
    try:
        parse_cron(line)
    except ConfigError:
        return False
    return True


lines = (
    st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 6)).map(" ".join).filter(is_read)
)
daily = st.builds("{} {} * * *".format, fields(0, 59), fields(0, 23))
nightly = st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23))
sparse = st.builds(
    "{} {} * * {}".format, st.sampled_from(["0", "30", "0,45"]), fields(0, 23), st.sampled_from(["*", "0", "1-5"])
)
hourly = st.builds("{} * * * *".format, fields(0, 59))
zones = st.sampled_from(ZONES)
starts = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)
nights = st.builds(
    lambda day, hours: datetime.combine(day, time(), UTC) + timedelta(hours=hours),
    st.sampled_from(CHANGES),
    st.integers(-14, 6),
)


@settings(deadline=None)
@given(lines, starts)
def test_in_utc_the_runs_are_those_of_croniter(line: str, start: datetime) -> None:
    cron = parse_cron(line)
    oracle = croniter(line, start)
    expected = [oracle.get_next(datetime).replace(tzinfo=UTC) for _ in range(5)]
    assert (
        list(islice(runs(cron, UTC_ZONE, start.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)), 5)) == expected
    )


@settings(deadline=None)
@given(daily, nights, zones)
def test_runs_are_in_order_distinct_and_inside_the_span(line: str, after: datetime, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    until = after + timedelta(days=2)
    made = list(runs(cron, zone, after, until))
    assert all(earlier < later for earlier, later in pairwise([after, *made]))
    assert all(run <= until for run in made)


@settings(deadline=None)
@given(daily, nights, zones)
def test_asking_for_the_next_run_again_and_again_gives_all_runs(line: str, after: datetime, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    expected = list(islice(runs(cron, zone, after, datetime.max.replace(tzinfo=UTC)), 6))
    made: list[datetime] = []
    while len(made) < 6:
        after = next_run(cron, zone, after)
        made.append(after)
    assert made == expected


@settings(deadline=None)
@given(daily, nights, zones)
def test_a_run_is_at_a_time_of_the_line_or_at_the_end_of_a_gap(line: str, after: datetime, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    for run in runs(cron, zone, after, after + timedelta(days=2)):
        wall = run.astimezone(zone).replace(tzinfo=None)
        before = (run - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        at_the_end_of_a_gap = wall - before > timedelta(seconds=1)
        assert at_the_end_of_a_gap or wall - datetime.combine(wall, time()) in cron.times


@settings(deadline=None)
@given(nightly, st.sampled_from(CHANGES), zones)
def test_a_nightly_job_runs_exactly_once_a_day_on_every_night(line: str, day: date, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    noon = datetime.combine(day, time(12), zone)
    start, end = ((noon + timedelta(days=days)).astimezone(UTC) for days in (-3, 3))
    days = [run.astimezone(zone).date() for run in runs(cron, zone, start, end)]
    assert len(days) == len(set(days)) == 6


@settings(deadline=None)
@given(hourly, nights, st.sampled_from(ZONES))
def test_an_hourly_job_runs_at_every_instant_that_shows_its_minute(line: str, after: datetime, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    after = after.replace(minute=0)
    span = [after + timedelta(minutes=minute) for minute in range(1, 24 * 60)]
    minutes = {at.seconds // 60 % 60 for at in cron.times}
    expected = [instant for instant in span if instant.astimezone(zone).minute in minutes]
    assert list(runs(cron, zone, after, span[-1])) == expected


@settings(deadline=None)
@given(daily, st.sampled_from(CHANGES), zones)
def test_no_time_of_a_line_is_lost_on_either_night(line: str, day: date, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    start, end = (datetime.combine(day + timedelta(days=days), time(), zone).astimezone(UTC) for days in (-1, 2))
    made = set(runs(cron, zone, start - timedelta(seconds=1), end))
    for at in cron.times:
        found = instants(datetime.combine(day, time()) + at, zone)
        assert not found or found[0] in made


@settings(deadline=None, max_examples=20)
@given(sparse, st.integers(0, 300), zones)
def test_the_longest_gap_is_one_of_the_next_year_and_none_is_longer(line: str, days: int, zone: ZoneInfo) -> None:
    cron = parse_cron(line)
    now = datetime(2026, 1, 15, 12, 0, tzinfo=UTC) + timedelta(days=days)
    made = list(runs(cron, zone, now - timedelta(days=1), now + timedelta(days=401)))
    gaps = {
        later - earlier for earlier, later in pairwise(made) if earlier >= now and later < now + timedelta(days=399)
    }
    longest = longest_gap(cron, zone, now)
    assert all(gap <= longest for gap in gaps)
    assert longest in {later - earlier for earlier, later in pairwise(made)}


@settings(deadline=None, max_examples=30)
@given(lines, starts)
def test_no_gap_of_any_line_is_longer_than_the_longest(line: str, start: datetime) -> None:
    cron = parse_cron(line)
    now = start.replace(tzinfo=UTC)
    longest = longest_gap(cron, UTC_ZONE, now)
    made = islice(runs(cron, UTC_ZONE, now, now + timedelta(days=11 * 365)), 30)
    assert all(later - earlier <= longest for earlier, later in pairwise(made))
