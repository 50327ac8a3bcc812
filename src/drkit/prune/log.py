"""Which bases stay for the sake of the log, and which parts of the log no base that stays needs: a pure decision.

What can be reached within `within` stays reachable, to the moment. A base that another rule keeps has the log to be
whole. Without `within` all log from the oldest base that stays is kept. It must not know how anything is removed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.catalog.log import Span
from drkit.model import Base, Point
from drkit.prune.chains import keep_chains
from drkit.restore.reach import HeldBase, Holdings, Way, find_ways, windows
from drkit.restore.stretch import Stretch
from drkit.retention import Policy, Verdict, judge
from drkit.when import format_length, misdated


@dataclass(frozen=True, slots=True)
class LogPlan:
    """`verdicts` are those of retention, with what the log adds to them; `let_go` are spans that may go."""

    verdicts: tuple[Verdict, ...]
    let_go: tuple[Span, ...]


def plan_log(
    holdings: Holdings,
    points: Iterable[Point],
    policy: Policy,
    zone: ZoneInfo,
    now: datetime,
    young: Collection[Span] = (),
    withhold: Callable[[Sequence[Verdict]], Sequence[Verdict]] = list,
    reading: Collection[str] = (),
) -> LogPlan:
    """`points` are all of the source. `young` are spans that the store got a short while ago: they stay, as a base may
    be on its way. `withhold` gives reasons to what cannot go yet. `reading` are IDs of bases that are being
    restored: to which moment nobody knows, so the log behind them stays."""
    ways, doubtful = _by_their_dates(find_ways(holdings), now)
    within = policy.within
    ruled = _for_moments(_judge(points, policy, zone, now, ways), ways, within)
    kept = _with_parents(withhold(ruled), holdings.bases)
    staying = {verdict.point.id for verdict in kept if verdict.reasons}
    found = windows(holdings.source, ways)
    boundary = found[-1].end - within if found and within else None
    needed = {*young, *_undecided(holdings)}
    carriers = [way for way in ways if way.held.point.id in staying]
    for way in carriers:
        base = way.held.base
        needed.update(_to_be_whole(way.stretch, base))
        first = way is _first_for_moments(carriers, way.stretch, boundary)
        if first or way is _newest(ways) or way.held.point.id in reading:
            needed.update(_from(way))
    # one of two clocks is wrong, and if it is this one then rules that look at ways would leave such bases without log
    needed.update(span for way in doubtful for span in _from(way))
    return LogPlan(tuple(kept), tuple(span for span in holdings.spans if span not in needed))


def _by_their_dates(ways: Iterable[Way], now: datetime) -> tuple[list[Way], list[Way]]:
    """Those of bases whose dates can be, and the others."""
    found: tuple[list[Way], list[Way]] = ([], [])
    for way in ways:
        found[misdated(way.held.point, now)].append(way)
    return found


def _judge(
    points: Iterable[Point], policy: Policy, zone: ZoneInfo, now: datetime, ways: Sequence[Way]
) -> list[Verdict]:
    """A base that nothing can be reached from yet takes no other one's place."""
    found = tuple(points)
    usable = {way.held.point.id for way in ways if way.until is not None}
    among = judge(policy, [point for point in found if point.id in usable], zone, now)
    more = {verdict.point.id: verdict.reasons for verdict in among}
    return [
        _because(verdict, *(reason for reason in more.get(verdict.point.id, ()) if reason not in verdict.reasons))
        for verdict in judge(policy, found, zone, now)
    ]


def _for_moments(verdicts: Sequence[Verdict], ways: Sequence[Way], within: timedelta | None) -> list[Verdict]:
    """The base that the first moment of each unbroken part of the log is reached from, for as far back as was promised.
    One that a drill refuted takes no other one's place."""
    found = windows("", ways)
    if newest := _newest(ways):
        latest = newest.held.point.id
        verdicts = [_because(each, "newest moment") if each.point.id == latest else each for each in verdicts]
    if not within or not found:
        return list(verdicts)
    boundary, reason = found[-1].end - within, f"log within {format_length(within)}"
    wanted = set()
    for asked in (ways, [way for way in ways if way.held.point.credible]):
        for stretch in _stretches(asked):
            if way := _first_for_moments(asked, stretch, boundary):
                wanted.add(way.held.point.id)
    return [_because(verdict, reason) if verdict.point.id in wanted else verdict for verdict in verdicts]


def _newest(ways: Iterable[Way]) -> Way | None:
    """The one that leads to the newest moment. That may be another than the newest base's: after a failover none may
    have been made yet."""
    reaching = [way for way in ways if way.until is not None]
    return max(reaching, key=lambda way: (way.until, way.since, way.held.base.stop, way.held.point.id), default=None)


def _first_for_moments(ways: Iterable[Way], stretch: Stretch, boundary: datetime | None) -> Way | None:
    """The newest way that begins at `boundary` or before it; or else the first one."""
    telling = sorted(
        (way for way in ways if way.stretch == stretch and way.until is not None),
        key=lambda way: (way.since, way.held.base.stop, way.held.point.id),
    )
    if not telling or boundary is None:
        return telling[0] if telling else None
    if all(way.until is not None and way.until < boundary for way in telling):
        return None
    before = [way for way in telling if way.since <= boundary]
    # of those that begin at once any will do, as long as it is always the same one
    return before[-1] if before else telling[0]


def _stretches(ways: Iterable[Way]) -> list[Stretch]:
    found: list[Stretch] = []
    for way in ways:
        if way.stretch not in found:
            found.append(way.stretch)
    return found


def _with_parents(verdicts: Sequence[Verdict], bases: Sequence[HeldBase]) -> list[Verdict]:
    """A chain of incremental bases stays whole."""
    return keep_chains(verdicts, {held.point.id: (held.base.origin,) for held in bases if held.base.origin})


def _because(verdict: Verdict, *reasons: str) -> Verdict:
    return replace(verdict, reasons=(*verdict.reasons, *reasons))


def _file_of(base: Base) -> int:
    return base.start - base.start % base.wal_segment_bytes


def _from(way: Way) -> Iterator[Span]:
    """All that follows the base."""
    return (span for span in way.stretch.spans if span.end >= _file_of(way.held.base))


def _to_be_whole(stretch: Stretch, base: Base) -> Iterator[Span]:
    """The log from the base's start to its stop, and on to where it is known that time had come to its end by then."""
    for span in sorted(stretch.spans, key=lambda each: (each.start, each.end)):
        if span.end < _file_of(base):
            continue
        yield span
        told = span.timeline == stretch.timeline and span.covered_until >= base.stopped_at
        if span.end >= base.stop and told:
            return


def _undecided(holdings: Holdings) -> Iterator[Span]:
    """From the start of the newest base on, and on timelines newer than its own, nobody has decided yet what is needed.
    And of a server without a history for one of its timelines nobody here can tell what belongs together."""
    blind = {
        span.system
        for span in holdings.spans
        if span.timeline > 1 and (span.system, span.timeline) not in holdings.histories
    }
    newest = max((held.base for held in holdings.bases), key=lambda base: (base.stopped_at, base.stop), default=None)
    for span in holdings.spans:
        if span.system in blind:
            yield span
        elif newest and span.system == newest.system_identifier:
            on_it = span.timeline == newest.timeline and span.end >= _file_of(newest)
            if on_it or span.timeline > newest.timeline:
                yield span
