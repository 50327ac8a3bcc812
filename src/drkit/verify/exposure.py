"""How much would have been lost, had it been lost at a moment: RPO at a moment and over a period.

At any moment that is the time since the newest point that could be restored then. It grows as time passes and drops
when a newer point appears in the store, so its peaks lie just before those appearances, and at the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.model import Point
from drkit.verify.model import Drill, Target
from drkit.verify.verdicts import judge_backup
from drkit.when import misdated


@dataclass(frozen=True, slots=True)
class Recoverable:
    """A moment that can be restored, from `since` on. `since` is never before `at`."""

    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """From the newest moment that could be restored until a newer one could be, or until the period ended."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Exposure:
    """A period. `gaps` are in order; the first may have begun before the period, and the last one is still open at its
    end. For `uncovered`, at the beginning, nothing at all could be restored."""

    gaps: tuple[Gap, ...]
    uncovered: timedelta

    @property
    def largest(self) -> Gap | None:
        return max(self.gaps, key=lambda gap: gap.length, default=None)


def captured(points: Iterable[Point], now: datetime) -> list[Recoverable]:
    """Points that nobody can date are left out, and damaged ones: nobody knows since when they are. A point can be
    restored from when the store has its manifest.

    A stamp beyond `now`, or beyond the moments of two later points, is not believed: it tells when a store was copied,
    and the point counts from its own moment then. One later point may well be captured at the same time.
    """
    sound = (point for point in points if point.credible and not misdated(point, now))
    dated = sorted(sound, key=lambda point: point.consistent_at)
    latest = [*(min(point.consistent_at, now) for point in dated[2:]), now, now]
    return [
        _appearing(min(point.consistent_at, now), point.committed_at, until)
        for point, until in zip(dated, latest, strict=False)
    ]


def verified(points: Iterable[Point], now: datetime) -> list[Recoverable]:
    """Those of the points that a drill has restored, each from when it last did: enough to judge the present."""
    dated = (point for point in points if point.verified_at and point.credible and not misdated(point, now))
    return [_appearing(min(point.consistent_at, now), point.verified_at, now) for point in dated]


def proven(drills: Iterable[Drill]) -> list[Recoverable]:
    """What drills have restored, each from the end of its drill: the history of verified points, pruned ones too."""
    return [
        Recoverable(min(drill.reached, drill.ended_at), drill.ended_at)
        for drill in drills
        if drill.reached and judge_backup(drill) == "verified"
    ]


def rpo_at(moment: datetime, points: Iterable[Recoverable]) -> timedelta | None:
    """None if nothing could be restored then."""
    newest = max((point.at for point in points if point.since <= moment), default=None)
    return None if newest is None else moment - newest


def measure_exposure(points: Iterable[Recoverable], start: datetime, end: datetime) -> Exposure:
    """Over the moments from `start` to `end`, which is now at the latest."""
    # of those that appear at the same moment the newest counts, and the others never did
    ordered = sorted(sorted(points, key=lambda point: point.at, reverse=True), key=lambda point: point.since)
    newest = max((point.at for point in ordered if point.since <= start), default=None)
    covered_from = start if newest else end
    gaps: list[Gap] = []
    for point in ordered:
        if not start < point.since <= end or (newest and point.at <= newest):
            continue
        if newest:
            gaps.append(Gap(newest, point.since))
        else:
            covered_from = point.since
        newest = point.at
    if newest:
        gaps.append(Gap(newest, end))
    return Exposure(tuple(gaps), max(covered_from - start, timedelta(0)))


def judge_exposure(target: timedelta | None, exposure: Exposure) -> Target:
    """A period at whose end nothing can be restored keeps no promise. Of one that began without any point nobody can
    say more than that it did not break it afterwards: its points may have been pruned, or the source be new."""
    largest = exposure.largest.length if exposure.largest else None
    if target is None:
        return Target(None, largest, None)
    if largest is None or largest > target:
        return Target(target, largest, False)
    return Target(target, largest, None if exposure.uncovered else True)


def wider_than(target: timedelta, gaps: Sequence[Gap]) -> list[Gap]:
    return [gap for gap in gaps if gap.length > target]


def _appearing(at: datetime, stamp: datetime | None, latest: datetime) -> Recoverable:
    believed = stamp is not None and at <= stamp <= latest
    return Recoverable(at, stamp if stamp and believed else at)
