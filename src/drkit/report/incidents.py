"""What was not as it should be in a month, with its cause and what was done, as far as the store can tell. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from drkit.drawing.words import count, length, moment
from drkit.model import Finding, Point
from drkit.report.model import Incident, Trouble
from drkit.verify.exposure import Gap, Recoverable
from drkit.verify.model import Drill, Result
from drkit.verify.slots import Slot

_SILENT = "the store does not tell: see the log of the host that makes the backups"
_ENDED: dict[Result, Trouble] = {"failed": "drill failed", "aborted": "drill aborted", "missed": "drill missed"}


@dataclass(frozen=True, slots=True)
class Findings:
    """What there is to tell of one source: `missed` runs of backups and of drills that left nothing behind, `gaps`,
    all its drills in order, those of the month, points that nobody can date, and what could not be believed when
    it was looked at."""

    source: str
    missed: Sequence[Slot]
    undrilled: Sequence[Slot]
    gaps: Sequence[Gap]
    appeared: Sequence[Recoverable]
    drills: Sequence[Drill]
    drilled: Sequence[Drill]
    misdated: Sequence[Point]
    doubts: Sequence[Finding]
    seen_at: datetime


def find_incidents(findings: Findings, zone: ZoneInfo) -> tuple[Incident, ...]:
    found = [
        *_of_drills(findings, zone),
        *_of_gaps(findings, zone),
        *_of_runs(findings, zone),
        *_of_clocks(findings, zone),
        *_of_doubts(findings),
    ]
    return tuple(sorted(found, key=lambda incident: incident.start))


def why_it_failed(drill: Drill) -> str:
    """The error verbatim, or what differed from what was expected or promised."""
    failed = [check for check in drill.checks if check.outcome == "failed"]
    parts = [drill.error] if drill.error else []
    parts += [f"{check.name}: expected {check.expected}, found {check.actual}" for check in failed]
    for name, target in (("RTO", drill.rto), ("RPO", drill.rpo)):
        if target.met is False and target.target is not None:
            measured = length(target.measured) if target.measured is not None else "not reached"
            parts.append(f"{name} {measured}, promised {length(target.target)}")
    return "; ".join(parts) or "its evidence names no cause"


def _of_drills(findings: Findings, zone: ZoneInfo) -> Iterator[Incident]:
    for drill in findings.drilled:
        if trouble := _ENDED.get(drill.result):
            done, settled = _passed_after(findings.drills, drill.started_at, zone, drill.backup or "")
            what = f"{drill.scenario} drill: {drill.result}"
            yield Incident(
                findings.source, trouble, drill.started_at, drill.ended_at, what, why_it_failed(drill), done, settled
            )
    for slot in findings.undrilled:
        done, settled = _passed_after(findings.drills, slot.start, zone)
        cause = "it left no evidence: it never started, or was cut off before it could write any"
        yield Incident(findings.source, "drill missed", slot.start, None, "planned drill: missed", cause, done, settled)


def _passed_after(drills: Iterable[Drill], moment_at: datetime, zone: ZoneInfo, backup: str = "") -> tuple[str, bool]:
    """A drill of an older point settles nothing: it was not the one that could not be restored."""
    after = [drill for drill in drills if drill.passed and drill.started_at > moment_at]
    passed = next((drill for drill in after if (drill.backup or "") >= backup), None)
    if passed:
        return f"the drill of {moment(passed.started_at, zone)} passed", True
    return (f"an older point was restored on {moment(after[0].started_at, zone)}" if after else "nothing yet"), False


def _of_gaps(findings: Findings, zone: ZoneInfo) -> Iterator[Incident]:
    for gap in findings.gaps:
        inside = sum(_in(slot, gap) for slot in findings.missed)
        runs = f", {count(inside, 'planned backup')} missed" if inside else ""
        what = f"no new point for {length(gap.length)}{runs}"
        back = next((each.since for each in findings.appeared if each.since >= gap.end), None)
        done = f"a point appeared again on {moment(back, zone)}" if back else "nothing yet"
        yield Incident(findings.source, "gap", gap.start, back, what, _SILENT, done, back is not None)


def _of_runs(findings: Findings, zone: ZoneInfo) -> Iterator[Incident]:
    """Runs missed in a row are one incident; those inside a gap belong to it."""
    alone = [slot for slot in findings.missed if not any(_in(slot, gap) for gap in findings.gaps)]
    for row in _rows(alone):
        first, last = row[0], row[-1]
        back = next((each.since for each in findings.appeared if each.since >= last.end), None)
        what = f"{count(len(row), 'planned backup')} missed"
        done = f"a point appeared again on {moment(back, zone)}" if back else "nothing yet"
        yield Incident(findings.source, "backups missed", first.start, back, what, _SILENT, done, back is not None)


def _of_clocks(findings: Findings, zone: ZoneInfo) -> Iterator[Incident]:
    if not findings.misdated:
        return
    first = min(point.consistent_at for point in findings.misdated)
    what = f"{count(len(findings.misdated), 'point')} dated later than can be, from {moment(first, zone)} on"
    cause = "the clock of the host that made the backups was fast"
    yield Incident(findings.source, "wrong clock", first, None, what, cause, "left out of this report's counts", False)


def _of_doubts(findings: Findings) -> Iterator[Incident]:
    """Nobody can tell since when: it was seen when the report was made."""
    for doubt in findings.doubts:
        what = f"{doubt.check}: not to be believed"
        done = f"left out of this report; {doubt.hint}" if doubt.hint else "left out of this report"
        yield Incident(findings.source, "not believed", findings.seen_at, None, what, doubt.detail, done, settled=False)


def _in(slot: Slot, gap: Gap) -> bool:
    return gap.start <= slot.start < gap.end


def _rows(slots: Sequence[Slot]) -> Iterator[list[Slot]]:
    """Slots that touch, together."""
    row: list[Slot] = []
    for slot in slots:
        if row and row[-1].end != slot.start:
            yield row
            row = []
        row.append(slot)
    if row:
        yield row
