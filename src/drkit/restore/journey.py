"""Which base, which incrementals and which log a restore to a moment takes, and what that reaches. Pure: `now` is an
argument. It must not know how a server replays any of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.errors import NotRestorable
from drkit.lsn import format_lsn
from drkit.restore.plan import RestorePlan, Window
from drkit.restore.reach import Holdings, Way, find_ways, windows
from drkit.when import format_moment, misdated


@dataclass(frozen=True, slots=True)
class Journey:
    """The way, and where on it to stop: before the first transaction that ended after `moment`, or at the position
    `lsn`, or, if both are None, where the log ends. What begins at `lsn` is left out, or is the last if `inclusive`."""

    way: Way
    moment: datetime | None
    lsn: int | None = None
    inclusive: bool = False


def plan_journey(holdings: Holdings, wanted: datetime | None, now: datetime) -> tuple[RestorePlan, Journey]:
    """The state at `wanted`, or the newest one at or before it if all that was captured is older; None is the latest.
    NotRestorable, with the windows that exist, before the first of them, between two, and in the future."""
    ways, found, hint = _survey(holdings, now)
    if wanted is not None and wanted > now:
        message = f"{format_moment(wanted)} is in the future: it is {format_moment(now)}"
        raise NotRestorable(f"{message}; {holdings.source} has {spell(found)}", hint)
    passed_over = tuple(held.point for held in holdings.bases if misdated(held.point, now))
    fitting = [way for way in ways if wanted is not None and way.until and way.since <= wanted <= way.until]
    if wanted is not None and fitting:
        # among those that hold the moment, an older timeline is the one that was written then: see Way.until
        newest = [way for way in fitting if way.stretch.system == fitting[-1].stretch.system]
        timeline = min(way.stretch.timeline for way in newest)
        chosen = max((way for way in newest if way.stretch.timeline == timeline), key=_position)
        plan = RestorePlan(chosen.held.point, wanted, wanted, timedelta(0), passed_over)
        return plan, Journey(chosen, wanted)
    if wanted is not None and wanted < found[-1].end:
        where = "reaches back to" if wanted < found[0].start else "holds"
        raise NotRestorable(
            f"nothing of {holdings.source} {where} {format_moment(wanted)}: it has {spell(found)}", hint
        )
    latest = _latest(ways)
    reaches = latest.until or latest.since
    distance = max((wanted or now) - reaches, timedelta(0))
    return RestorePlan(latest.held.point, wanted, reaches, distance, passed_over), Journey(latest, None)


def plan_to_position(
    holdings: Holdings, lsn: int, now: datetime, *, inclusive: bool = False
) -> tuple[RestorePlan, Journey]:
    """The newest timeline whose log has that position, from the newest base before it."""
    ways, _, hint = _survey(holdings, now)
    fitting = [way for way in ways if way.held.base.stop <= lsn <= way.stretch.end]
    if not fitting:
        held = ", ".join(f"{format_lsn(each.held.base.stop)} to {format_lsn(each.stretch.end)}" for each in ways)
        raise NotRestorable(f"no log of {holdings.source} holds the position {format_lsn(lsn)}: it has {held}", hint)
    system, timeline = fitting[-1].stretch.system, fitting[-1].stretch.timeline
    same = [way for way in fitting if (way.stretch.system, way.stretch.timeline) == (system, timeline)]
    chosen = max(same, key=_position)
    moments = [span.covered_until for span in chosen.stretch.spans if span.end >= lsn]
    reaches = max(min(moments, default=chosen.since), chosen.since)
    return RestorePlan(chosen.held.point, None, reaches, max(now - reaches, timedelta(0))), Journey(
        chosen, None, lsn, inclusive
    )


def spell(found: Sequence[Window]) -> str:
    spans = [f"{format_moment(each.start)} to {format_moment(each.end)}" for each in found]
    return f"{'windows' if len(spans) > 1 else 'one window,'} from {', '.join(spans)}"


def _survey(holdings: Holdings, now: datetime) -> tuple[list[Way], list[Window], str]:
    if not holdings.bases:
        hint = "`drkit backup now` makes a base backup; `drkit follow` keeps its log"
        raise NotRestorable(f"there is no base backup of {holdings.source} to restore", hint)
    usable = [way for way in find_ways(holdings) if not misdated(way.held.point, now)]
    found = windows(holdings.source, usable)
    if not found:
        stops = ", ".join(sorted(f"{held.point.id} up to {format_lsn(held.base.stop)}" for held in holdings.bases))
        raise NotRestorable(
            f"no base backup of {holdings.source} can be used yet: the store lacks the log that it needs ({stops})",
            "let `drkit follow` run until it does; `drkit status` shows what is missing",
        )
    first, last = format_moment(found[0].start), format_moment(found[-1].end)
    return usable, found, f"choose a time from {first} to {last} in a window, or latest; `drkit backup list` shows them"


def _latest(ways: Sequence[Way]) -> Way:
    telling = [way for way in ways if way.until is not None]
    newest = telling[-1].stretch
    same = [way for way in telling if way.stretch.timeline == newest.timeline and way.stretch.system == newest.system]
    return max(same, key=lambda way: (way.until or way.since, *_position(way)))


def _position(way: Way) -> tuple[int, str]:
    return way.held.base.stop, way.held.point.id
