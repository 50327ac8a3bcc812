"""Which point a restore takes, and how far that is from what was asked.

It decides over a listing and touches neither store nor target. It must not know what a point is made of.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.errors import NotRestorable
from drkit.model import Point
from drkit.when import format_moment, misdated


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """`wanted` is None for the latest point, and `distance` is then its age. `passed_over` are points whose time
    lies in the future: a clock was wrong, so nobody can say what moment they hold, and they are never chosen."""

    point: Point
    wanted: datetime | None
    reaches: datetime
    distance: timedelta
    passed_over: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The span of time that a source's points lie in."""

    source: str
    start: datetime
    end: datetime


def plan_restore(points: Iterable[Point], wanted: datetime | None, now: datetime) -> RestorePlan:
    """The newest point of one source at or before `wanted`; NotRestorable, naming what there is, if none is."""
    ordered = sorted(points, key=lambda point: (point.consistent_at, point.id))
    if not ordered:
        hint = "`drkit backup list` shows what the store holds; look at the store's url and the source's name"
        raise NotRestorable("there is no point in time to restore", hint=hint)
    source = ordered[0].source
    passed_over = tuple(point for point in ordered if misdated(point, now))
    usable = [point for point in ordered if point not in passed_over]
    if not usable:
        first = format_moment(ordered[0].consistent_at)
        message = f"every point of {source} lies in the future: the first is at {first}, and it is {format_moment(now)}"
        raise NotRestorable(message, hint="set this machine's clock right, and look at that of the backup host")
    [window] = windows(usable)
    first, last = format_moment(window.start), format_moment(window.end)
    span = f"points from {first} to {last}" if len(usable) > 1 else f"one point, at {first}"
    hint = f"choose a time at or after {first}, or latest; `drkit backup list {source}` shows every point"
    if wanted is not None and wanted > now:
        message = f"{format_moment(wanted)} is in the future: it is {format_moment(now)}; {source} has {span}"
        raise NotRestorable(message, hint=hint)
    reached = [point for point in usable if wanted is None or point.consistent_at <= wanted]
    if wanted is not None and not reached:
        message = f"nothing of {source} reaches back to {format_moment(wanted)}: it has {span}"
        raise NotRestorable(message, hint=hint)
    chosen = reached[-1]
    distance = max((wanted or now) - chosen.consistent_at, timedelta(0))
    return RestorePlan(chosen, wanted, chosen.consistent_at, distance, passed_over)


def windows(points: Iterable[Point]) -> list[Window]:
    """One window a source, from its oldest point to its newest, in the order of the sources' names."""
    moments: dict[str, list[datetime]] = {}
    for point in points:
        moments.setdefault(point.source, []).append(point.consistent_at)
    return [Window(source, min(found), max(found)) for source, found in sorted(moments.items())]


def needs_confirmation(plan: RestorePlan, rpo: timedelta | None) -> bool:
    """Whether more is lost than was promised, so that a person should say yes first."""
    return rpo is not None and plan.distance > rpo
