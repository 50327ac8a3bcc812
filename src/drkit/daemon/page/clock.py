"""Moments as the page tells them: how long ago, or when. status.js says the same, in the viewer's zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drkit.drawing.markup import Markup, element
from drkit.drawing.words import short_day
from drkit.when import format_moment

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Clock:
    """`now`, and whether there is room for the moment itself beside how long ago it was."""

    now: datetime
    titles: bool

    def distance(self, at: datetime | None, none: str = "never") -> Markup:
        """`24 min ago`, `in 3 days`."""
        if at is None:
            return element("span", none, class_="soft")
        exact = _whole(at)
        title = f"{exact:%Y-%m-%d %H:%M:%S} UTC" if self.titles else None
        return element("time", say_distance(at, self.now), datetime=format_moment(exact), title=title)

    def moment(self, at: datetime) -> Markup:
        """`04:00` of this day, `19 Nov 04:00` of another."""
        exact = _whole(at)
        return element("time", say_moment(at, self.now), datetime=format_moment(exact), class_="at")


def say_distance(at: datetime, now: datetime) -> str:
    seconds = round((at - now).total_seconds())
    said = say_seconds(abs(seconds))
    return f"in {said}" if seconds > 0 else f"{said} ago" if seconds < 0 else "now"


def say_seconds(seconds: int) -> str:
    """To what matters: minutes until ten hours, and hours until two days."""
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < 10 * _HOUR:
        hours, minutes = seconds // _HOUR, seconds % _HOUR // _MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR} h"
    return f"{seconds // _DAY} days"


def say_moment(at: datetime, now: datetime) -> str:
    shown = at.astimezone(UTC)
    day = "" if shown.date() == now.astimezone(UTC).date() else f"{short_day(shown.date())} "
    return f"{day}{shown:%H:%M}"


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC) + timedelta(microseconds=-at.microsecond)
