"""Lengths, sizes and moments as readers of pages see them. A page names its zone once, at its top."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.when import format_length

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_STEPS = (  # from which length on, and what it is rounded to
    (timedelta(days=2), timedelta(hours=1)),
    (timedelta(hours=2), timedelta(minutes=1)),
    (timedelta(minutes=2), timedelta(seconds=1)),
)


def month_name(day: date) -> str:
    return f"{_MONTHS[day.month - 1]} {day.year}"


def short_month(day: date) -> str:
    return _MONTHS[day.month - 1][:3]


def short_day(day: date) -> str:
    return f"{day.day} {short_month(day)}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`3 Nov 04:00`; within a month nobody doubts the year, and where that may be, `dated` says it."""
    local = at.astimezone(zone)
    return f"{short_day(local.date())} {local:%H:%M}"


def dated(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{short_day(local.date())} {local.year} {local:%H:%M}"


def length(value: timedelta) -> str:
    """Rounded to what matters for its size; a length that is not nothing never reads as 0s."""
    step = next((step for least, step in _STEPS if abs(value) >= least), timedelta(seconds=0.1))
    return format_length(round(value / step) * step)


def size(value: int) -> str:
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.95:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def short_name(source: str) -> str:
    """SOURCE of SYSTEM/SOURCE: a report is of one system, which it names at its top."""
    return source.partition("/")[2] or source


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(parts: list[str], most: int = 3) -> str:
    """`a, b and c`, or `a, b, c and 4 more`."""
    shown = parts[:most] if len(parts) > most else parts[:-1]
    last = f"{len(parts) - most} more" if len(parts) > most else parts[-1]
    return f"{', '.join(shown)} and {last}" if shown else last
