"""The report's facts: what a month shows of every source. Pure: everything is handed in, `now` too.

It opens no backup and knows no store; it must not know how the report looks.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

from drkit.model import Point
from drkit.report.counts import count_backups, count_drills
from drkit.report.incidents import Findings, find_incidents
from drkit.report.model import Known, Measured, Month, Report, SourceReport
from drkit.report.period import begun_at, days_of, month_of, points_around, slots_of
from drkit.report.promises import Shown, judge_promises, overall
from drkit.report.stock import HISTORY, describe_keeping, measure_sizes, month_before, newest
from drkit.verify.exposure import Exposure, Gap, Recoverable, captured, measure_exposure
from drkit.verify.forecast import PRESENT, Forecast, forecast_rto
from drkit.verify.model import Drill
from drkit.verify.slots import Slot, asked_for
from drkit.when import misdated

_at, _since, _started = attrgetter("consistent_at"), attrgetter("since"), attrgetter("started_at")
_ORDER = {"no": 0, "unknown": 1, "yes": 2}


def make_report(
    system: str,
    known: Sequence[Known],
    first_day: date,
    zone: ZoneInfo,
    now: datetime,
    signers: Sequence[str] = (),
    written_by: str = "",
) -> Report:
    """`first_day` is the first of the month. Sources that broke a promise come first, then those nobody knows of."""
    month = month_of(first_day, zone, now)
    sources = [_report_source(each, month, zone, now) for each in known]
    sources.sort(key=lambda source: (_ORDER[source.answer], source.source))
    return Report(system, zone.key, month, now, written_by, tuple(signers), tuple(sources))


def _report_source(known: Known, month: Month, zone: ZoneInfo, now: datetime) -> SourceReport:
    ordered = sorted([*known.points, *(removal.point for removal in known.removals)], key=_at)
    around = points_around(ordered, month, now)
    appeared = captured(around, now) if known.log is None else list(known.log.appearances)
    moments = tuple(point.consistent_at for point in around if month.start <= point.consistent_at <= month.until)
    exposure = measure_exposure(appeared, month.start, month.until)
    slots = slots_of(known.backup, zone, month)
    gaps = _wide_gaps(known, exposure, slots)
    backups, missed = count_backups(known, slots, around, len(moments), now)
    drills = sorted(known.drills, key=_started)
    until_then = drills[: bisect_right(drills, month.until, key=_started)]
    drilled = tuple(drill for drill in until_then if drill.started_at >= month.start)
    asked = _planned_drills(known, zone, month, now)
    counted, undrilled, silent = count_drills(asked, drills, drilled, now)
    certain = max((_certain(gap, known) for gap in exposure.gaps), default=None)
    last = next((drill for drill in reversed(until_then) if drill.result != "missed"), None)
    latest = newest(ordered, month.until, now)
    shown = Shown(drilled, last, counted, exposure, certain, latest.stored_bytes if latest else None)
    promises = judge_promises(known, shown, month, zone)
    suspects = [point for point in ordered[bisect_right(ordered, month.start, key=_at) :] if misdated(point, now)]
    return SourceReport(
        source=known.source,
        kind=known.kind,
        answer=overall(promises),
        promises=promises,
        backups=backups,
        drills=counted,
        points=moments,
        gaps=gaps,
        undrilled_at=undrilled,
        drilled=drilled,
        rto_history=_rto_history(until_then, month),
        forecast=_forecast(known, ordered, until_then, month),
        rpo_by_day=tuple((day, _worst_of_day(known, appeared, start, end)) for day, start, end in days_of(month, zone)),
        sizes=measure_sizes(known, ordered, month, zone, now),
        keeping=describe_keeping(known, month),
        incidents=find_incidents(
            Findings(
                known.source, missed, silent, gaps, appeared, drills, drilled, suspects, known.doubts, month.until
            ),
            zone,
        ),
        captured_at=_newest_moment(known, latest, month),
        verified_point_at=max(
            (point.consistent_at for point in ordered if point.verified_at and point.verified_at <= month.until),
            default=None,
        ),
        proven_at=max((drill.started_at for drill in until_then if drill.passed), default=None),
    )


def _newest_moment(known: Known, latest: Point | None, month: Month) -> datetime | None:
    if known.log is not None:
        return max((each.at for each in known.log.appearances if each.since <= month.until), default=None)
    return latest.consistent_at if latest else None


def _planned_drills(known: Known, zone: ZoneInfo, month: Month, now: datetime) -> list[Slot]:
    planned = slots_of(known.verify, zone, month) if known.verify else []
    begun = begun_at(known.points, known.removals, known.drills)
    return asked_for(planned, begun, [drill.started_at for drill in known.drills], now)


def _wide_gaps(known: Known, exposure: Exposure, slots: Sequence[Slot]) -> tuple[Gap, ...]:
    widest = max((slot.end - slot.start for slot in slots), default=None)
    tolerated = known.rpo if known.rpo is not None else 2 * widest if widest else None
    if tolerated is None:
        return ()
    found = [gap for gap in exposure.gaps if _certain(gap, known) > tolerated]
    return tuple(Gap(max(gap.start, known.complete_since or gap.start), gap.end) for gap in found)


def _certain(gap: Gap, known: Known) -> timedelta:
    """How much of the gap no point can have filled that retention has removed since, nor a part of a log that was
    merged with others since."""
    if known.log is not None:
        overlaps = (min(gap.end, each.end) - max(gap.start, each.start) for each in known.log.gaps)
        return max(overlaps, default=timedelta(0))
    return max(timedelta(0), gap.end - max(gap.start, known.complete_since or gap.start))


def _rto_history(drills: Sequence[Drill], month: Month) -> tuple[Measured, ...]:
    oldest = month_before(month.first_day, HISTORY - 1)
    return tuple(
        Measured(drill.started_at, drill.scenario, drill.rto.measured, drill.passed)
        for drill in drills
        if drill.rto.measured is not None and drill.started_at.date() >= oldest
    )


def _forecast(known: Known, ordered: Sequence[Point], drills: Sequence[Drill], month: Month) -> Forecast:
    """As it looked at the end of the month, from the scenario that was drilled last."""
    scenario = next((drill.scenario for drill in reversed(drills) if drill.rto.measured is not None), None)
    first, last = (bisect_right(ordered, at, key=_at) for at in (month.until - PRESENT, month.until))
    alike = [drill for drill in drills if drill.scenario == scenario]
    return forecast_rto(known.rto, alike, ordered[first:last], month.until)


def _worst_of_day(known: Known, appeared: Sequence[Recoverable], start: datetime, end: datetime) -> timedelta | None:
    """`appeared` is in order, so that a day needs no more than its own points and the one before them."""
    first, last = (bisect_right(appeared, at, key=_since) for at in (start, end))
    largest = measure_exposure(appeared[max(first - 1, 0) : last], start, end).largest
    if largest is None:
        return None
    unsure = known.complete_since is not None and largest.start < known.complete_since
    unsure = unsure or (known.log is not None and known.rpo is not None and _certain(largest, known) <= known.rpo)
    return None if unsure and known.rpo is not None and largest.length > known.rpo else largest.length
