"""Whether the promises made for a source were kept in a month: yes, no, or unknown, with the reason. Pure.

Unknown is what nobody can show. It must never pass for a yes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from drkit.drawing.words import count, dated, length, listed, moment
from drkit.report.model import Answer, Drills, Known, Month, Promise
from drkit.timetable import next_run
from drkit.verify.exposure import Exposure
from drkit.verify.model import Drill
from drkit.verify.pace import overran
from drkit.verify.verdicts import scale_rto
from drkit.verify.worst import misses


@dataclass(frozen=True, slots=True)
class Shown:
    """What the month shows of a source. `drilled` are its drills of the month, `last_drill` the newest one up to its
    end, and `drills` counts them; `certain` is the loss that no removed point can explain; `size` is the newest
    point's."""

    drilled: Sequence[Drill]
    last_drill: Drill | None
    drills: Drills
    exposure: Exposure
    certain: timedelta | None
    size: int | None = None


def overall(promises: Sequence[Promise]) -> Answer:
    answers = {promise.answer for promise in promises}
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


def judge_promises(known: Known, shown: Shown, month: Month, zone: ZoneInfo) -> tuple[Promise, ...]:
    drills = shown.drilled or _standing_drill(known, shown, month, zone)
    made = [_doubt(_restores(known, shown, drills, zone), known, month)]
    if known.rto is not None:
        made.append(_doubt(_rto(known.rto, drills, shown.size, zone), known, month))
    if known.rpo is not None:
        made.append(_rpo(known, known.rpo, shown, month, zone))
    return tuple(made)


def _doubt(promise: Promise, known: Known, month: Month) -> Promise:
    """What the missing evidence of a drill would say may have been a no."""
    doubted = sum(month.start <= at <= month.until for at in known.doubted_at)
    if not doubted or promise.answer != "yes":
        return promise
    reason = f"{promise.reason}, but evidence of {count(doubted, 'drill')} is missing or not to be believed"
    return replace(promise, answer="unknown", reason=reason)


def came_back(drill: Drill) -> bool | None:
    """Whether the drill restored what was captured, however slowly. None if it shows neither."""
    outcomes = {check.outcome for check in drill.checks}
    if drill.result in ("aborted", "missed"):
        return None
    if drill.error or "failed" in outcomes:
        return False
    return True if "passed" in outcomes else None


def _standing_drill(known: Known, shown: Shown, month: Month, zone: ZoneInfo) -> list[Drill]:
    """A drill of an earlier month still speaks for this one if the schedule has asked for no other since."""
    last = shown.last_drill
    if known.verify is None or last is None or shown.drills.planned:
        return []
    return [last] if next_run(known.verify, zone, last.started_at) >= month.start else []


def _restores(known: Known, shown: Shown, drills: Sequence[Drill], zone: ZoneInfo) -> Promise:
    failed = [drill for drill in drills if came_back(drill) is False]
    good = [drill for drill in drills if came_back(drill)]
    missed = f", {count(shown.drills.missed, 'planned drill')} did not run" if shown.drills.missed else ""
    if failed:
        when = listed([moment(drill.started_at, zone) for drill in failed])
        after = next((drill for drill in good if drill.started_at > failed[-1].started_at), None)
        older = after and (after.backup or "") < max(drill.backup or "" for drill in failed)
        what = "what was restored" if not older else "an older point that was restored"
        then = f"; {what} on {moment(after.started_at, zone)} was right" if after else ""
        return Promise("restores", "no", f"the drill of {when} failed{then}{missed}")
    if good and not shown.drilled:
        last = dated(good[-1].started_at, zone)
        return Promise("restores", "yes", f"no drill was due; that of {last} restored the right data")
    if good:
        return Promise("restores", "yes", f"{count(len(good), 'drill')} restored the right data{missed}")
    return Promise("restores", "unknown", _why_unproven(known, shown))


def _why_unproven(known: Known, shown: Shown) -> str:
    if shown.drilled and all(drill.result == "aborted" for drill in shown.drilled):
        return "the drill was stopped before it ended"
    if shown.drills.missed:
        return "no drill was run, though planned" if shown.drills.run == 0 else "no drill came to its end"
    if shown.drills.due:
        return "the drill of this month is still due"
    if shown.drilled:
        return "nothing could be tested in what was restored"
    return "no drill was run" if known.verify else "no drills are planned, and none was run"


def _rto(promised: timedelta, drills: Sequence[Drill], size: int | None, zone: ZoneInfo) -> Promise:
    measured = [(drill.rto.measured, drill) for drill in drills if drill.rto.measured is not None]
    stopped = [(ran, drill) for drill in drills if (ran := overran(drill, promised))]
    if stopped:
        longest, drill = max(stopped, key=lambda pair: pair[0])
        reason = f"the drill of {moment(drill.started_at, zone)} was stopped after {length(longest)}"
        return Promise("rto", "no", reason, promised, max([longest, *(took for took, _ in measured)]))
    if not measured:
        return Promise("rto", "unknown", "no drill has measured it", promised)
    longest, drill = max(measured, key=lambda pair: pair[0])
    missed = [drill for took, drill in measured if drill.rto.met is False or took > promised]
    if missed:
        when = listed([moment(drill.started_at, zone) for drill in missed])
        return Promise("rto", "no", f"the restore of {when} took longer", promised, longest)
    if size is not None and all(scale_rto(each, size) is None for _, each in measured):
        reason = "no drill has restored a backup that compares in size with the newest point"
        return Promise("rto", "unknown", reason, promised, longest)
    telling = max((each for _, each in measured), key=lambda each: each.log_bytes or 0)
    if telling.worst and telling.worst.expected and misses(telling.worst, promised):
        at, expected = moment(telling.worst.at, zone), length(telling.worst.expected)
        reason = f"by the pace of {moment(telling.started_at, zone)} a restore to {at} would take {expected}"
        return Promise("rto", "no", reason, promised, longest)
    reason = f"at most {length(longest)}, measured on {moment(drill.started_at, zone)}"
    return Promise("rto", "yes", reason, promised, longest)


def _rpo(known: Known, promised: timedelta, shown: Shown, month: Month, zone: ZoneInfo) -> Promise:
    largest = shown.exposure.largest
    far_back = [drill for drill in shown.drilled if drill.rpo.met is False]
    since = max(month.start, known.complete_since or month.start)
    if largest is None and since > month.start:
        return Promise(
            "rpo", "unknown", f"retention may have removed what was captured before {moment(since, zone)}", promised
        )
    if largest is None:
        return Promise("rpo", "no", "there was no point that could be restored", promised)
    if shown.certain is not None and shown.certain > promised:
        reason = f"up to {length(shown.certain)} would have been lost"
        return Promise("rpo", "no", reason, promised, shown.certain)
    if far_back:
        when = listed([moment(drill.started_at, zone) for drill in far_back])
        worst = max((drill.rpo.measured for drill in far_back if drill.rpo.measured is not None), default=None)
        return Promise("rpo", "no", f"the drill of {when} came back further from what was asked", promised, worst)
    if largest.length > promised and known.log is not None:
        reason = f"at most {length(largest.length)} would have been lost; a log that was merged tells no more"
        return Promise("rpo", "unknown", reason, promised, shown.certain)
    if largest.length > promised or (shown.exposure.uncovered and since > month.start):
        reason = f"kept since {moment(since, zone)}; before that retention has removed points"
        return Promise("rpo", "unknown", reason, promised, shown.certain)
    if shown.exposure.uncovered:
        first = moment(month.start + shown.exposure.uncovered, zone)
        reason = f"at most {length(largest.length)} since its first point, {first}"
        return Promise("rpo", "yes", reason, promised, largest.length)
    return Promise("rpo", "yes", f"at most {length(largest.length)} would have been lost", promised, largest.length)
