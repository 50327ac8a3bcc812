"""Planned runs, and which of them something answered. Pure."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.timetable import Cron, next_run, runs

PATIENCE = timedelta(days=1)  # a drill may start that late and still be the planned one


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned run, and the time that it had until the next one."""

    start: datetime
    end: datetime


def slots_between(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> list[Slot]:
    """Of every run later than `after` and not later than `until`."""
    planned = list(runs(cron, zone, after, until))
    if not planned:
        return []
    ends = [*planned[1:], next_run(cron, zone, planned[-1])]
    return [Slot(start, end) for start, end in zip(planned, ends, strict=True)]


def for_drills(slots: Iterable[Slot]) -> list[Slot]:
    """The time in which each planned drill may begin."""
    return [Slot(slot.start, min(slot.end, slot.start + PATIENCE)) for slot in slots]


def asked_for(
    slots: Sequence[Slot], begun: datetime | None, drilled: Collection[datetime], now: datetime
) -> list[Slot]:
    """Those of the planned drills that the schedule is known to have asked for. It may be younger than its source,
    which has `begun` then: so the first drill that left evidence shows that drills were planned, and the present that
    one is due. `drilled` is when each began, also those that were missed."""
    windows, first = for_drills(slots), min(drilled, default=None)
    ran = answered(windows, drilled)

    def is_asked(index: int, start: datetime) -> bool:
        due = windows[index].end > now and (begun is None or start >= begun)
        return index in ran or due or (first is not None and start > first)

    return [slot for index, slot in enumerate(slots) if is_asked(index, slot.start)]


def answered(slots: Sequence[Slot], moments: Iterable[datetime]) -> set[int]:
    """The indexes of the slots that one of the moments lies in."""
    starts = [slot.start for slot in slots]
    found = ((bisect_right(starts, moment) - 1, moment) for moment in moments)
    return {index for index, moment in found if index >= 0 and moment < slots[index].end}
