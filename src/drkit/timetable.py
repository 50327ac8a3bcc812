"""When a cron line runs, in a zone whose clocks are changed twice a year.

It knows no clock (`after` and `now` are arguments) and must not know what is run.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter  # type: ignore[import-untyped]  # it has no types of its own

from drkit.errors import ConfigError
from drkit.when import first_instant, instants

_WEEKDAY = "day of the week"
_FIELDS = (("minute", 60), ("hour", 24), ("day of the month", 31), ("month", 12), (_WEEKDAY, 7))
_ITEM = re.compile(r"(?:\*|(?:\d{1,2}|[a-z]{3})(?:-(?:\d{1,2}|[a-z]{3}))?)(?:/(\d{1,3}))?", re.ASCII | re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBERS = {
    "month": {name: at for at, name in enumerate(_MONTHS, 1)},
    _WEEKDAY: {name: at for at, name in enumerate(_WEEKDAYS)},
}
_HINT = "write minute, hour, day of the month, month and day of the week: `30 2 * * *` is every night at 02:30"
_DAY = timedelta(days=1)
PATIENCE = timedelta(minutes=5)  # a run may start that late and still be no cause for alarm
_ANY_DAY_AHEAD = timedelta(days=400)  # both changes of clocks, which can be 53 weeks apart
_LOOK_BACK = [timedelta(hours=2), timedelta(days=2), timedelta(days=60), timedelta(days=12 * 366)]
_LOOK_AHEAD = timedelta(days=12 * 366)  # two leap days, even around a century that has none


@dataclass(frozen=True, slots=True, repr=False)
class Cron:
    """A line that `parse_cron` has read. `times` are counted from midnight; None stands for any day, month, weekday.

    Where clocks are set back, a line whose hour is `*` or `*/n` runs in both passes and any other in the first.
    Where they are set forward, a run that the gap swallows is made right after it, unless the line runs every
    hour anyway.
    """

    line: str
    times: tuple[timedelta, ...]
    every_hour: bool
    in_both_passes: bool
    days: frozenset[int] | None
    months: frozenset[int] | None
    weekdays: frozenset[int] | None

    def __str__(self) -> str:
        return self.line

    def __repr__(self) -> str:
        return f"Cron({self.line!r})"


def parse_cron(line: str) -> Cron:
    """Five fields of numbers, names, ranges, lists and steps; a line that never fires is refused."""
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(f"cron line {line!r} has {len(fields)} fields and not five", hint=_HINT)
    for (name, size), text in zip(_FIELDS, fields, strict=True):
        for item in text.split(","):
            match = _ITEM.fullmatch(item)
            if match is None:
                raise ConfigError(f"cron line {line!r}: {item!r} is no {name}", hint=_HINT)
            if match[1] and int(match[1]) >= size:
                hint = "steps begin anew whenever the field comes round: name the values instead"
                raise ConfigError(f"cron line {line!r}: a step of {match[1]} is too wide for the {name}", hint=hint)
    plain = [_plain(name, text) for (name, _), text in zip(_FIELDS, fields, strict=True)]
    try:
        expanded, _ = croniter.expand(" ".join(plain))
    except CroniterError as error:
        raise ConfigError(f"cron line {line!r} cannot be read: {error}", hint=_HINT) from error
    minutes, hours, days, months, weekdays = (None if "*" in values else frozenset(values) for values in expanded)
    cron = Cron(
        line=" ".join(fields),
        times=tuple(
            timedelta(hours=hour, minutes=minute)
            for hour in sorted(hours or range(24))
            for minute in sorted(minutes or range(60))
        ),
        every_hour=hours is None,
        in_both_passes=hours is None or fields[1].startswith("*"),
        days=days,
        months=months,
        weekdays=weekdays,
    )
    if next(_days(cron, date(2000, 1, 1), _LOOK_AHEAD), None) is None:
        raise ConfigError(f"cron line {line!r} never fires: no month that it names has such a day", hint=_HINT)
    return cron


def _plain(name: str, field: str) -> str:
    """With a range that begins where it ends as that one value: croniter takes it for the whole round."""
    return ",".join(_as_one(name, item) for item in field.split(","))


def _as_one(name: str, item: str) -> str:
    first, dash, last = item.partition("/")[0].partition("-")
    same = dash and _value(name, first) == _value(name, last)
    return first if same or (name == _WEEKDAY and (first, last) == ("7", "0")) else item


def _value(name: str, text: str) -> int | str:
    return int(text) if text.isdigit() else _NUMBERS.get(name, {}).get(text.lower(), text)


def next_run(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime:
    return next(_runs_after(cron, zone, after))


def runs(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every run later than `after` and not later than `until`, in order, each instant once."""
    return takewhile(lambda run: run <= until, _runs_after(cron, zone, after))


def last_run(cron: Cron, zone: ZoneInfo, until: datetime) -> datetime:
    """The newest run that is not later than `until`."""
    for back in _LOOK_BACK:
        if found := deque(runs(cron, zone, until - back, until), maxlen=1):
            return found[0]
    raise AssertionError("parse_cron has seen to it that every line fires")


def longest_gap(cron: Cron, zone: ZoneInfo, now: datetime) -> timedelta:
    """The longest time between one run and the next in the years ahead, changes of clocks included."""
    today = now.astimezone(zone).date()
    ahead = _ANY_DAY_AHEAD if cron.days is None and cron.months is None else _LOOK_AHEAD
    in_a_steady_day = max((later - earlier for earlier, later in pairwise(cron.times)), default=timedelta(0))
    longest = timedelta(0)
    last: datetime | None = None
    for day in _days(cron, today, ahead):
        if _steady(day, zone):
            midnight = first_instant(datetime.combine(day, time()), zone)
            found = [midnight + cron.times[0], midnight + cron.times[-1]]
            longest = max(longest, in_a_steady_day)
        else:
            found = _runs_of(cron, day, zone)
            longest = max([longest, *(later - earlier for earlier, later in pairwise(found))])
        if not found:
            continue
        if last is not None:
            longest = max(longest, found[0] - last)
        last = found[-1]
    return longest


def first_skipped(cron: Cron, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The first run ahead, by the clocks on the wall, whose time clocks skip: other programs may leave it out."""
    if cron.every_hour:
        return None
    for day in _days(cron, now.astimezone(zone).date(), _ANY_DAY_AHEAD):
        if not _steady(day, zone):
            for at in cron.times:
                if not instants(wall := datetime.combine(day, time()) + at, zone):
                    return wall
    return None


def _runs_after(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    # From the day before, and with the runs waiting for the end of their day: where clocks are changed
    # at midnight, a run of one day can come after the first run of the next.
    waiting: set[datetime] = set()
    for day in _days(cron, after.astimezone(zone).date() - _DAY):
        waiting.update(_runs_of(cron, day, zone))
        end = first_instant(datetime.combine(day + _DAY, time()), zone)
        due = {run for run in waiting if run < end}
        waiting -= due
        yield from sorted(run for run in due if run > after)


def _runs_of(cron: Cron, day: date, zone: ZoneInfo) -> list[datetime]:
    midnight = datetime.combine(day, time())
    if _steady(day, zone):
        start = first_instant(midnight, zone)
        return [start + at for at in cron.times]
    found: set[datetime] = set()
    for at in cron.times:
        shown = instants(midnight + at, zone)
        if not shown and not cron.every_hour:
            found.add(first_instant(midnight + at, zone))
        found.update(shown if cron.in_both_passes else shown[:1])
    return sorted(found)


def _steady(day: date, zone: ZoneInfo) -> bool:
    """Whether the clocks are left alone on that day and around its end."""
    start, end = (datetime.combine(day + days * _DAY, time(), zone) for days in (0, 2))
    return start.utcoffset() == end.utcoffset()


def _days(cron: Cron, start: date, ahead: timedelta | None = None) -> Iterator[date]:
    end = date.max - 2 * _DAY if ahead is None else start + ahead
    day = start
    while day < end:
        if _includes(cron, day):
            yield day
        day += _DAY


def _includes(cron: Cron, day: date) -> bool:
    """A day of the month and a weekday, when both are given, are joined by "or": so has cron always read them."""
    if cron.months is not None and day.month not in cron.months:
        return False
    by_day = cron.days is None or day.day in cron.days
    by_weekday = cron.weekdays is None or day.isoweekday() % 7 in cron.weekdays
    if cron.days is None or cron.weekdays is None:
        return by_day and by_weekday
    return by_day or by_weekday
