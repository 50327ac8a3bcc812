"""What of a source's points and runs belongs to a month, and which planned run each of them answers. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

from drkit.model import Point
from drkit.report.model import Month, Removal
from drkit.timetable import Cron
from drkit.verify.model import Drill
from drkit.verify.slots import Slot, slots_between
from drkit.when import first_instant, misdated

_FIRST_WEEK = 7
_at = attrgetter("consistent_at")


def month_of(first_day: date, zone: ZoneInfo, now: datetime) -> Month:
    start = first_instant(datetime.combine(first_day, time()), zone)
    end = first_instant(datetime.combine(following(first_day), time()), zone)
    return Month(first_day, start, end, max(start, min(end, now)))


def month_due(zone: ZoneInfo, first_captured_at: datetime | None, now: datetime) -> date:
    """The first day of the month that a report is about unless somebody says so: in the first week of a month that is
    the last one, if there was anything to report then; and later the month so far."""
    today = now.astimezone(zone).date()
    this = today.replace(day=1)
    last = (this - timedelta(days=1)).replace(day=1)
    was_there = first_captured_at is not None and first_captured_at < month_of(this, zone, now).start
    return last if today.day <= _FIRST_WEEK and was_there else this


def following(first_day: date) -> date:
    return (first_day.replace(day=1) + timedelta(days=32)).replace(day=1)


def days_of(month: Month, zone: ZoneInfo) -> list[tuple[date, datetime, datetime]]:
    """Each day that has begun, with its two ends; the last one ends where the month is cut off."""
    day, found = month.first_day, []
    while (start := first_instant(datetime.combine(day, time()), zone)) < month.until:
        end = first_instant(datetime.combine(day + timedelta(days=1), time()), zone)
        found.append((day, start, min(end, month.until)))
        day += timedelta(days=1)
    return found


def begun_at(points: Iterable[Point], removals: Iterable[Removal], drills: Iterable[Drill]) -> datetime | None:
    """When a source began, as far as anybody knows. Nothing is asked of it before."""
    captured = [point.consistent_at for point in (*points, *(removal.point for removal in removals))]
    return min([*captured, *(drill.started_at for drill in drills)], default=None)


def points_around(ordered: Sequence[Point], month: Month, now: datetime) -> list[Point]:
    """The points of the month, the two before it and the one after it that somebody can date: enough to tell what
    could be restored at any moment of the month. `ordered` is oldest first."""
    first, last = bisect_left(ordered, month.start, key=_at), bisect_right(ordered, month.until, key=_at)
    before: list[Point] = []
    for index in range(first - 1, -1, -1):
        if len(before) == 2:
            break
        if not misdated(ordered[index], now):
            before.insert(0, ordered[index])
    after = next((ordered[index] for index in range(last, len(ordered)) if not misdated(ordered[index], now)), None)
    within = [point for point in ordered[first:last] if not misdated(point, now)]
    return [*before, *within, *([after] if after else [])]


def slots_of(cron: Cron, zone: ZoneInfo, month: Month) -> list[Slot]:
    """Of every run that the month planned, those that are still to come excluded."""
    just_before = month.start - timedelta(microseconds=1)
    return slots_between(cron, zone, just_before, min(month.until, month.end - timedelta(microseconds=1)))
