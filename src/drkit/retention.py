"""Which points stay, and the rule that keeps each: a decision over a listing, which removes nothing itself.

Everything is measured from the newest point, never from the clock, so a source that pauses loses nothing.
It must not know where points are stored or how they are removed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.model import Point
from drkit.when import format_length, misdated


@dataclass(frozen=True, slots=True)
class Policy:
    """What a `keep = {…}` asks for. A point that any one rule names stays; the counts are of periods that hold a
    point, and `min_points` is a floor below whatever the rules say."""

    within: timedelta | None = None
    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    min_points: int = 3

    def keeps_nothing(self) -> bool:
        """Whether no rule is set. The floor alone is no policy: it would remove all but a handful."""
        counts = (self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly)
        return not self.within and not any(count > 0 for count in counts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A point, and every reason for which it stays. Without a reason it may go."""

    point: Point
    reasons: tuple[str, ...]


def judge(policy: Policy, points: Iterable[Point], zone: ZoneInfo, now: datetime) -> list[Verdict]:
    """Verdicts on the points of one source, newest first; the periods are those of the calendar in `zone`.

    Pinned points and points from the future stay and take no part: they neither use up a count nor stand for a
    period nor are measured from, so pinning a point, or one wrong clock, never removes another point.
    Damaged points stay where the rules name them, as a check may be wrong and the backup right; but the rules are asked
    a second time without them, so that they never remove a point that may still be good.
    `now` only serves to tell what is from the future.
    """
    ordered = sorted(points, key=lambda point: (point.consistent_at, point.id), reverse=True)
    reasons: dict[Point, list[str]] = {point: [] for point in ordered}
    dated = [point for point in ordered if not misdated(point, now)]
    ruled = [point for point in dated if not point.pinned]
    for asked in (ruled, [point for point in ruled if point.credible]):
        for point, reason in _kept_by_rule(policy, asked, zone):
            if reason not in reasons[point]:
                reasons[point].append(reason)
    if verified := next((point for point in dated if point.verified_at and point.credible), None):
        reasons[verified].append("newest verified")
    for point in ordered:
        if point.pinned:
            reasons[point].append("pinned")
        if misdated(point, now):
            reasons[point].append("from the future")
    return [Verdict(point, tuple(reasons[point])) for point in ordered]


def removes_most(verdicts: Sequence[Verdict]) -> bool:
    """Whether more than half of the points would go, which deserves a second look."""
    return 2 * sum(not verdict.reasons for verdict in verdicts) > len(verdicts)


def _kept_by_rule(policy: Policy, newest_first: list[Point], zone: ZoneInfo) -> Iterator[tuple[Point, str]]:
    if policy.within is not None:
        reason = f"within {format_length(policy.within)}"
        for point in newest_first:
            if newest_first[0].consistent_at - point.consistent_at <= policy.within:
                yield point, reason
    for point in newest_first[: max(policy.last, 0)]:
        yield point, f"last {policy.last}"
    local = [(point, point.consistent_at.astimezone(zone)) for point in newest_first]
    for name, count, label in (
        ("hourly", policy.hourly, _hour),
        ("daily", policy.daily, _day),
        ("weekly", policy.weekly, _week),
        ("monthly", policy.monthly, _month),
        ("yearly", policy.yearly, _year),
    ):
        for period, point in _newest_of_each(local, count, label).items():
            yield point, f"{name} {period}"
    for point in newest_first[: max(policy.min_points, 0)]:
        yield point, f"one of the newest {policy.min_points}"


def _newest_of_each(
    newest_first: list[tuple[Point, datetime]], count: int, label: Callable[[datetime], str]
) -> dict[str, Point]:
    standing: dict[str, Point] = {}
    for point, moment in newest_first:
        if len(standing) >= count:
            break
        standing.setdefault(label(moment), point)
    return standing


def _hour(moment: datetime) -> str:
    """With its offset: the hour that comes twice in autumn is two hours."""
    return moment.replace(minute=0, second=0, microsecond=0).isoformat(" ", "minutes")


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _week(moment: datetime) -> str:
    year, week, _ = moment.isocalendar()
    return f"{year:04}-W{week:02}"


def _month(moment: datetime) -> str:
    return f"{moment.year:04}-{moment.month:02}"


def _year(moment: datetime) -> str:
    return f"{moment.year:04}"
