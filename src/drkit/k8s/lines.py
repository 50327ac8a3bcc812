"""Cron lines as Kubernetes reads them. It knows fewer spellings than cron: no 7 for Sunday, no range that runs over the
end.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from drkit.errors import ConfigError
from drkit.timetable import Cron, longest_gap

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (0, 6, _WEEKDAYS),
)
_ITEM = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
_DAY = timedelta(days=1)


def spell_for_kubernetes(cron: Cron) -> str:
    """The line as it was written where both read the same in it, and its numbers one by one elsewhere."""
    if all(_reads_the_same(text, *field) for text, field in zip(cron.line.split(), _FIELDS, strict=True)):
        return cron.line
    minutes = {at.seconds // 60 % 60 for at in cron.times}
    hours = {at.seconds // 3600 for at in cron.times}
    return " ".join(
        [
            _spell(minutes if len(minutes) < 60 else None),
            _spell(hours if len(hours) < 24 else None),
            _spell(cron.days),
            _spell(cron.months),
            _spell(cron.weekdays),
        ]
    )


def spell_zone(zone: ZoneInfo) -> str:
    """Kubernetes has the zones of the time zone database, and none of this machine's own."""
    if zone.key not in available_timezones():
        raise ConfigError(f"{zone.key!r} is no time zone that Kubernetes knows", 'use a name such as "Europe/Madrid"')
    return zone.key


def patience(cron: Cron, zone: ZoneInfo, now: datetime) -> timedelta:
    """For how long a run that could not start is still made up for: until the next one, and a day at most."""
    return min(longest_gap(cron, zone, now), _DAY)


def _reads_the_same(text: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    items = [_ITEM.fullmatch(item) for item in text.split(",")]
    if text == "*":
        return True
    return all(item is not None and _is_plain(item, least, most, names) for item in items)


def _is_plain(item: re.Match[str], least: int, most: int, names: tuple[str, ...]) -> bool:
    first, last, step = item.groups()
    if first is None:
        return step is not None and int(step) > 1  # a * among others, and */1, are each read in several ways
    start, end = _number(first, least, names), _number(last or first, least, names)
    if start is None or end is None or step == "0":
        return False
    return least <= start <= end <= most and (last is None or start < end)  # 4-4 goes all the way round for some


def _number(word: str, least: int, names: tuple[str, ...]) -> int | None:
    if word.isdigit():
        return int(word)
    return names.index(word.lower()) + least if word.lower() in names else None


def _spell(values: Iterable[int] | None) -> str:
    return "*" if values is None else ",".join(map(str, sorted(values)))
