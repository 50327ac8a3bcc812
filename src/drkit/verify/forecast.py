"""When a source will have grown so large that its restore misses the target, if nothing else changes.

Drills tell how long a byte takes, points how fast bytes become more; medians and Theil-Sen slopes keep single odd
values from deciding. It would rather say that it cannot know than name a day by chance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import sqrt
from statistics import median
from typing import Literal

from drkit.model import Point
from drkit.verify.model import Drill
from drkit.verify.verdicts import growing, scale_rto
from drkit.when import misdated

Outlook = Literal["missed now", "missed later", "kept", "unknown"]

PRESENT = timedelta(days=90)  # how far back growth is the present one
SHORTEST = timedelta(days=7)  # less than a week may have seen no weekend
FEWEST_SIZES, FEWEST_DRILLS, NEWEST_DRILLS = 6, 3, 7
_REACH = 4  # times as far ahead as the history reaches back
_BINS = 64  # Theil-Sen looks at all pairs
_CERTAIN = 1.645  # of a normal distribution, nine in ten lie nearer


@dataclass(frozen=True, slots=True)
class Forecast:
    """`expected` is how long a restore takes now. `at` is when the target will be missed, or, for "kept", until when
    it is kept at least. `reason` says in a sentence why."""

    outlook: Outlook
    reason: str
    expected: timedelta | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """A straight line through sizes: what it is at `at`, and its slope in bytes a second, with the least and the
    steepest that nine in ten such histories would have."""

    at: datetime
    size: float
    slope: float
    least: float
    steepest: float

    def reaches(self, size: float, slope: float) -> datetime | None:
        """When the line is at `size`, rising like that; None if that is never, or after the end of all calendars."""
        ahead = (size - self.size) / slope if slope > 0 else float("inf")
        left = (datetime.max.replace(tzinfo=self.at.tzinfo) - self.at).total_seconds()
        return self.at + timedelta(seconds=ahead) if ahead < left else None


def forecast_rto(target: timedelta | None, drills: Iterable[Drill], points: Iterable[Point], now: datetime) -> Forecast:
    """Give it drills of one source and one scenario, as a restore from afar takes its own time."""
    if target is None:
        return Forecast("unknown", "there is no target")
    recent = [
        (point.consistent_at, point.stored_bytes)
        for point in sorted(points, key=lambda point: point.consistent_at)
        if not misdated(point, now) and point.consistent_at >= now - PRESENT
    ]
    if len(recent) < FEWEST_SIZES or recent[-1][0] - recent[0][0] < SHORTEST:
        return Forecast("unknown", f"fewer than {FEWEST_SIZES} points, or less than {SHORTEST.days} days of them")
    growth = measure_growth(recent, now)
    newest = sorted(drills, key=lambda drill: drill.started_at, reverse=True)
    telling = [drill for drill in newest if scale_rto(drill, round(growth.size)) is not None][:NEWEST_DRILLS]
    if len(telling) < FEWEST_DRILLS:
        return Forecast("unknown", f"fewer than {FEWEST_DRILLS} drills measured a backup of comparable size")
    horizon = now + _REACH * (recent[-1][0] - recent[0][0])
    rate = median(growing(drill).total_seconds() / drill.stored_bytes for drill in telling)
    steady = median(((drill.rto.measured or timedelta(0)) - growing(drill)).total_seconds() for drill in telling)
    expected = timedelta(seconds=max(steady + rate * growth.size, 0))
    if expected > target:
        return Forecast("missed now", "a restore of today's size takes longer than the target", expected, now)
    limit = (target.total_seconds() - steady) / rate if rate > 0 else float("inf")
    return _look_ahead(growth, limit, horizon, expected)


def _look_ahead(growth: Growth, limit: float, horizon: datetime, expected: timedelta) -> Forecast:
    likely = growth.reaches(limit, growth.slope)
    soonest = growth.reaches(limit, growth.steepest)
    if growth.least > 0 and likely and likely <= horizon:
        return Forecast("missed later", "the backups grow as they have grown lately", expected, likely)
    if soonest is None or soonest > horizon:
        return Forecast(
            "kept", "not even the fastest growth that the sizes allow reaches the target", expected, horizon
        )
    if growth.least > 0:
        return Forecast("kept", "the backups grow, and reach the target no sooner", expected, soonest)
    return Forecast("unknown", "the sizes vary too much to tell growth from chance", expected)


def measure_growth(sizes: Sequence[tuple[datetime, int]], now: datetime) -> Growth:
    """Two sizes at least, in the order of their times, which are not all the same."""
    binned = _bin([((at - now).total_seconds(), float(size)) for at, size in sizes])
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(binned)
        for later in binned[number + 1 :]
        if later[0] > earlier[0]
    )
    slope = median(slopes)
    # Sen's interval, from the variance of Kendall's S
    count = len(binned)
    aside = int(_CERTAIN * sqrt(count * (count - 1) * (2 * count + 5) / 18))
    least = slopes[max((len(slopes) - aside) // 2 - 1, 0)]
    steepest = slopes[min((len(slopes) + aside) // 2, len(slopes) - 1)]
    return Growth(now, median(size - slope * at for at, size in binned), slope, least, steepest)


def _bin(sizes: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The median of each equal span of time, so that hours of many points weigh no more than days of few."""
    if len(sizes) <= _BINS:
        return sizes
    first, last = sizes[0][0], sizes[-1][0]
    groups = groupby(sizes, key=lambda size: min(int((size[0] - first) / (last - first) * _BINS), _BINS - 1))
    spans = [list(group) for _, group in groups]
    return [(median(at for at, _ in span), median(size for _, size in span)) for span in spans]
