"""What stands in the store of one source: how big, how fast it grows, and what retention made of it. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from operator import attrgetter
from zoneinfo import ZoneInfo

from drkit.model import Point
from drkit.report.model import Keeping, Known, Month, Sizes
from drkit.report.period import following, month_of
from drkit.when import misdated

HISTORY = 12  # months
_at = attrgetter("consistent_at")
_PERIODS = ("hourly", "daily", "weekly", "monthly", "yearly")


def newest(ordered: Sequence[Point], until: datetime, now: datetime) -> Point | None:
    """Of those that somebody can date. `ordered` is oldest first."""
    last = bisect_right(ordered, until, key=_at)
    return next((ordered[index] for index in range(last - 1, -1, -1) if not misdated(ordered[index], now)), None)


def measure_sizes(known: Known, ordered: Sequence[Point], month: Month, zone: ZoneInfo, now: datetime) -> Sizes:
    firsts = [month_before(month.first_day, back) for back in range(HISTORY - 1, -1, -1)]
    starts = [month_of(first, zone, now).start for first in [*firsts, following(month.first_day)]]
    found = [newest(ordered, end, now) for end in starts[1:]]
    by_month = [
        (first, point.stored_bytes)
        for first, start, point in zip(firsts, starts[:-1], found, strict=True)
        if point and point.consistent_at >= start
    ]
    latest, before = found[-1], found[-2]
    return Sizes(
        newest=latest.stored_bytes if latest else None,
        before=before.stored_bytes if before else None,
        by_month=tuple(by_month),
        stored=sum(point.stored_bytes for point in known.points),
        points=len(known.points),
    )


def describe_keeping(known: Known, month: Month) -> Keeping:
    gone = [removal for removal in known.removals if month.start <= removal.removed_at < month.end]
    rules = Counter(rule for verdict in known.verdicts for rule in {_rule(reason) for reason in verdict.reasons})
    return Keeping(
        removed=len(gone),
        removed_bytes=sum(removal.point.stored_bytes for removal in gone),
        pinned=sum(point.pinned for point in known.points),
        kept_by=tuple(sorted(rules.items())),
        to_go=sum(not verdict.reasons for verdict in known.verdicts),
    )


def month_before(first_day: date, months: int) -> date:
    years, month = divmod(first_day.year * 12 + first_day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _rule(reason: str) -> str:
    """`daily 2026-11-20` and `daily 2026-11-19` are one rule at work."""
    name = reason.partition(" ")[0]
    return name if name in _PERIODS else reason
