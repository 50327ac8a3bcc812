"""Lengths and moments as people write them, and what a zone's clocks make of them.

It knows no clock of its own: `now` is an argument. It must not know what a moment is wanted for.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from drkit.errors import UsageError
from drkit.model import Point

CLOCK_TOLERANCE = timedelta(minutes=5)
STORE_TOLERANCE = timedelta(hours=1)  # wider, for a store whose clock is slow must not hide good points

_LENGTH_HINT = "write numbers with units, the largest first: 45s, 90m, 2h30m, 3d, 1w"
_WHEN_HINT = (
    "write latest, a length ago (90m, 2h30m, 3d), or a moment with its offset or zone "
    "(2026-11-20T14:30:00Z, 2026-11-20T14:30+01:00, '2026-11-20 14:30 Europe/Madrid')"
)
_LENGTH = re.compile(
    r"(?=.)(?:(?P<weeks>\d{1,9})w)?(?:(?P<days>\d{1,9})d)?(?:(?P<hours>\d{1,9})h)?"
    r"(?:(?P<minutes>\d{1,9})m)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)s)?",
    re.ASCII,
)
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d{8})"
    r"(?:(?:T| +)(?P<clock>(?:[01]\d|2[0-3]):?[0-5]\d(?::?[0-5]\d(?:[.,]\d{1,6})?)?))?"
    r" *(?P<place>[A-Z][\w+/-]*|[+-]\d\d(?::?[0-5]\d)?)?",
    re.ASCII | re.IGNORECASE,
)


def parse_length(text: str) -> timedelta:
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a length of time", hint=_LENGTH_HINT)
    try:
        return timedelta(**{unit: float(count) for unit, count in match.groupdict(default="0").items()})
    except OverflowError as error:
        raise UsageError(f"{text!r} is longer than any length of time", hint=_LENGTH_HINT) from error


def format_length(length: timedelta) -> str:
    """What `parse_length` reads back, exactly for whole seconds: others are rounded, to a tenth of a second below
    a minute and to a second above. A length below zero gets a minus sign, which is for reading only."""
    if length < timedelta(0):
        return "-" + format_length(-length)
    step = timedelta(seconds=0.1) if length < timedelta(minutes=1) else timedelta(seconds=1)
    rest = round(length / step) * step
    parts = []
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1))):
        count, rest = divmod(rest, size)
        parts.append(f"{count}{unit}" if count else "")
    parts.append(f"{rest.total_seconds():g}s" if rest else "")
    return "".join(parts) or "0s"


def format_moment(moment: datetime) -> str:
    """RFC 3339 in UTC. A naive moment is a bug of the caller and raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be written down")
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse_moment(text: str) -> datetime:
    """The reverse of `format_moment`: reads what that writes and nothing else."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and format_moment(moment) == text:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{text!r} is not a moment in UTC", hint="write it as 2026-11-20T14:30:00Z")


def parse_when(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The moment that is asked for; None means the latest one there is. A time without an offset or a zone
    is read in `zone`. What can be read in two ways, or in none, is refused rather than guessed."""
    words = text.strip()
    if words.lower() == "latest":
        return None
    try:
        if _LENGTH.fullmatch(words):
            return now - parse_length(words)
        match = _MOMENT.fullmatch(words)
        if match is None:
            raise UsageError(f"{text!r} is not a time", hint=_WHEN_HINT)
        place = match["place"]
        return _read(match["day"], match["clock"], _parse_place(place) if place else zone)
    except OverflowError as error:
        raise UsageError(f"{text!r} lies outside the calendar", hint=_WHEN_HINT) from error


def from_the_future(moment: datetime, now: datetime) -> bool:
    """Whether a recorded moment is later than two honest clocks can differ: one of the two is wrong."""
    return moment - now > CLOCK_TOLERANCE


def misdated(point: Point, now: datetime) -> bool:
    """Whether the host that stamped the point had a fast clock: its moment lies ahead of now, or far ahead of the
    time at which the store saw it appear. Copying a store only moves that time later."""
    return from_the_future(point.consistent_at, now) or (
        point.committed_at is not None and point.consistent_at > point.committed_at + STORE_TOLERANCE
    )


def instants(wall: datetime, zone: tzinfo) -> list[datetime]:
    """Every instant, in order, at which the clocks of `zone` show `wall`: one, two or none of them."""
    found = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(instant for instant in found if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall)


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clocks of `zone` show `wall` or, where they skip it, a later time."""
    if found := instants(wall, zone):
        return found[0]
    # PEP 495: in a gap, fold=1 counts with the offset after the change and so falls before it, and fold=0 after it.
    early, late = (wall.replace(tzinfo=zone, fold=fold, microsecond=0).astimezone(UTC) for fold in (1, 0))
    second = timedelta(seconds=1)
    while late - early > second:
        middle = early + (late - early) // second // 2 * second
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late


def _parse_place(text: str) -> tzinfo:
    if text.upper() in ("Z", "UTC"):
        return UTC
    try:
        if text[0] in "+-":
            offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:].lstrip(":") or 0))
            return timezone(-offset if text[0] == "-" else offset)
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        hint = "write an offset such as +01:00 or a name such as Europe/Madrid; short names such as PST are not unique"
        raise UsageError(f"there is no time zone {text!r}", hint=hint) from error


def _read(day: str, clock: str | None, zone: tzinfo) -> datetime:
    try:
        on = date.fromisoformat(day)
        at = time.fromisoformat(clock or "00:00")
    except ValueError as error:
        raise UsageError(f"there is no day {day}", hint=_WHEN_HINT) from error
    wall = datetime.combine(on, at)
    if clock is None:
        start, end = (first_instant(moment, zone) for moment in (wall, wall + timedelta(days=1)))
        hint = f"write {_typed(start, zone)} for its start or {_typed(end, zone)} for its end, or a time between"
        raise UsageError(f"{day} is a whole day, not a time", hint=hint)
    found = instants(wall, zone)
    if len(found) == 1:
        return found[0]
    if found:
        first, second = (_typed(instant, zone) for instant in found)
        message = f"{wall} comes twice in {zone}: the clocks are set back in between"
        raise UsageError(message, hint=f"write {first} for the first time or {second} for the second")
    after = first_instant(wall, zone)
    last, first = _typed(after - timedelta(seconds=1), zone), _typed(after, zone)
    message = f"{wall} does not exist in {zone}: the clocks are set forward past it"
    raise UsageError(message, hint=f"the nearest times are {last} before and {first} after the change")


def _typed(instant: datetime, zone: tzinfo) -> str:
    return instant.astimezone(zone).isoformat()
