"""What is wrong with a source, in the words of a person on call, and the next step for each.

It must not know how a standing is judged, or how it is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from drkit.model import STRANGERS
from drkit.when import format_length, format_moment

if TYPE_CHECKING:
    from drkit.standing import Standing
    from drkit.verify.model import Drill, Target

_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Trouble:
    """`kind` stays the same as long as the trouble does, whatever is said of it."""

    kind: str
    what: str
    since: datetime | None
    next_step: str


def find_troubles(standing: "Standing") -> Iterator[Trouble]:
    """At least one if the source is not healthy, and none if it is."""
    yield from _of_points(standing)
    yield from _of_log(standing)
    yield from _of_drills(standing)
    yield from _of_replicas(standing)
    for doubt in standing.doubts:
        if doubt.check == "backup":
            step = f"`drkit backup now {standing.source}` makes another. {doubt.hint}".strip()
            yield Trouble("backup doubted", f"a backup cannot be believed: {doubt.detail}", None, step)
        elif doubt.check == STRANGERS:
            what = f"no key that is known here opens a backup: {doubt.detail}"
            yield Trouble("sealed to strangers", what, None, doubt.hint)
        else:
            more = f"`drkit evidence verify all {standing.source}` shows more"
            yield Trouble("evidence doubted", f"evidence cannot be believed: {doubt.detail}", None, more)


def find_notes(standing: "Standing") -> Iterator[str]:
    """What breaks no promise yet."""
    if standing.log and standing.log.gaps:
        widest = max(standing.log.gaps, key=lambda gap: gap.length)
        many = f"{len(standing.log.gaps)} {'gap' if len(standing.log.gaps) == 1 else 'gaps'} in the log"
        yield f"{many}: nothing between {show(widest.start)} and {show(widest.end)} can be reached"
    worst = standing.log.worst if standing.log else None
    if worst and worst.expected is None and standing.rto.target:
        far = f"`drkit verify now {standing.source} --at {show(worst.at)}` shows how long the farthest moment takes"
        yield f"no drill has replayed enough log to tell the RTO at worst: {far}"
    expected, promised = standing.expected, standing.rto.target
    if standing.gaps:
        widest = max(standing.gaps, key=lambda gap: gap.length)
        many = f"{len(standing.gaps)} past {'gap was' if len(standing.gaps) == 1 else 'gaps were'} wider than promised"
        yield f"{many}, the widest from {show(widest.start)} to {show(widest.end)}"
    if standing.rto.measured is not None and promised and expected is None and standing.rto.met is None:
        yield f"no drill has restored a backup that compares with the newest point: {_shows(standing)}"
    if promised and standing.last_drill is None and standing.next_drill is None:
        yield f"an RTO is promised, but no drill is planned and none has come to its end: {_shows(standing)}"
    if (stopped := standing.stopped_drill) and standing.rto.met is not False:
        yield f"the last drill, of {show(stopped.started_at)}, was stopped before it had shown anything"
    if unproven := standing.custody.unproven:
        drills = f"the last {standing.custody.drills} drills" if standing.custody.drills > 1 else "the last drill"
        how = "`--scenario region-failure` drills with the escrow identity"
        yield f"the identity of {', '.join(unproven)} opened nothing in {drills}; nobody has shown that it works: {how}"
    if standing.captured_at and standing.misdated:
        yield f"{_count(len(standing.misdated))} with a moment that cannot be true: a clock was wrong; not counted here"
    yield from (warning.what for warning in find_warnings(standing))
    for replica in standing.replicas:
        if replica.healthy and replica.behind:
            wait = "waits" if replica.behind == 1 else "wait"
            yield f"{_count(replica.behind)} {wait} to be copied to {replica.url}: `drkit replicate {standing.source}`"


def find_warnings(standing: "Standing") -> Iterator[Trouble]:
    """What will break a promise if nothing changes."""
    ahead = standing.forecast
    if ahead.outlook == "missed later" and ahead.at:
        what = f"at its present growth the RTO will be missed from {ahead.at:%Y-%m-%d} on"
        step = "see in `drkit report` which phase grows; then restore with more jobs, or promise what can be kept"
        yield Trouble("rto forecast", what, None, step)
    if closed := standing.custody.closed_to:
        what = f"the newest point, {standing.custody.point}, cannot be opened by the identity of {', '.join(closed)}"
        step = (
            f"`drkit backup now {standing.source}` makes one that can; if it cannot either, encryption.recipients of"
            " the backup host differs from the one here"
        )
        yield Trouble("closed to a key", what, None, step)


def show(moment: datetime) -> str:
    return format_moment(moment.replace(microsecond=0))


def _of_points(standing: "Standing") -> Iterator[Trouble]:
    name, captured_at = standing.source, standing.captured_at
    capture = f"`drkit backup now {name}` makes one or says why it cannot; then look why its schedule did not run"
    if standing.damaged:
        older = f"`drkit restore {name} --at {format_moment(captured_at)} --to …`" if captured_at else "there is none"
        yield Trouble(
            "damaged",
            _damage(standing),
            None,
            f"`drkit backup now {name}` makes another; the newest one before: {older}",
        )
    elif captured_at is None and standing.misdated:
        what = f"there is nothing but {_count(len(standing.misdated))} with a moment that cannot be true"
        yield Trouble(
            "misdated", what, None, "set this machine's clock right, and look at that of the backup host: `drkit check`"
        )
    elif captured_at is None and not (standing.log and standing.log.stranded):
        yield Trouble(
            "nothing", "nothing was ever captured", None, f"`drkit check`, and then `drkit backup now {name}`"
        )
    if failed := standing.failed_backup:
        yield Trouble("backup failed", f"the last backup failed: {failed.error}", failed.at, failed.hint or capture)
    if due := standing.overdue_since:
        yield Trouble("overdue", "a backup is overdue", due, capture)
    if captured_at and standing.rpo.met is False and standing.rpo.target is not None:
        what = f"RPO missed: what would be lost now is {_against(standing.rpo)}"
        step = f"see that `drkit follow {name}` runs, and what it says" if standing.log else capture
        yield Trouble("rpo", what, captured_at + standing.rpo.target, step)


def _of_log(standing: "Standing") -> Iterator[Trouble]:
    log, name = standing.log, standing.source
    if log is None:
        return
    if since := log.silent_since:
        step = f"see that `drkit follow {name}` runs, and what it says"
        yield Trouble("log stopped", "the log has stopped", since, step)
    if alarm := log.alarm:
        step = alarm.hint or f"see what `drkit follow {name}` says"
        yield Trouble("follower", f"the follower of the log gives alarm: {alarm.error}", alarm.at, step)
    if (far := standing.too_far) and far.expected and standing.rto.met is not False:
        takes = _pair(far.expected, standing.rto.target or timedelta(0))
        length = f"{far.log_bytes / 1e6:,.0f} MB of log"
        what = f"RTO missed at worst: a restore to {show(far.at)}, over {length}, would take {takes}"
        step = f"make base backups more often; `drkit verify now {name} --at {show(far.at)}` measures it"
        yield Trouble("rto at worst", what, None, step)
    for point in log.stranded:
        yield Trouble(
            "base stranded",
            f"nothing can be reached from the base {point.id}: the log up to its end is not in the store",
            point.consistent_at,
            f"see that `drkit follow {name}` runs; if it tells of a gap, `drkit backup now {name}` makes another base",
        )


def _of_drills(standing: "Standing") -> Iterator[Trouble]:
    name, timed, rto = standing.source, standing.timed, standing.rto
    for drill in standing.failed_drills:
        which = "last" if drill == standing.last_drill else f"last {drill.scenario}"
        yield Trouble(
            "drill failed", f"the {which} drill failed: {_why(drill)}", drill.started_at, _again(standing, drill)
        )
    if timed and rto.met is False and rto.target is not None:
        too_long = rto.measured is not None and rto.measured > rto.target
        how = "was stopped after" if timed.result == "aborted" else "took"
        what = f"the last drill {how} {_against(rto)}"
        if not too_long and standing.expected is not None:
            what = f"by the last drill the newest point would take {_pair(standing.expected, rto.target)}"
        step = f"see which phase of {timed.id} took long; {_again(standing, timed)}"
        yield Trouble("rto", f"RTO missed: {what}", timed.started_at, step)
    if due := standing.drill_overdue_since:
        yield Trouble("drill overdue", "a planned drill did not run", due, f"`drkit verify now {name}` runs it now")


def _of_replicas(standing: "Standing") -> Iterator[Trouble]:
    for replica in standing.replicas:
        if replica.error:
            step = f"{replica.hint} `drkit check` tries it out, and `drkit replicate {standing.source}` catches up"
            yield Trouble(
                "replica", f"the replica {replica.url} cannot be relied on: {replica.error}", None, step.strip()
            )
        elif not replica.healthy:
            rpo, at, lag = standing.rpo.target, replica.captured_at, replica.lag
            what = (
                f"what would be lost with the region is {_pair(lag, rpo)}" if rpo and at else "no point in it is whole"
            )
            step = f"`drkit replicate {standing.source}` copies what is missing or says why it cannot"
            since = at + rpo if rpo and at else None
            yield Trouble("replica behind", f"the replica {replica.url} is too far behind: {what}", since, step)


def _damage(standing: "Standing") -> str:
    newest = max(standing.damaged, key=lambda point: point.consistent_at)
    others = f", nor can {_count(len(standing.damaged) - 1)} before it" if len(standing.damaged) > 1 else ""
    how = "its pieces are gone" if newest.refuted_at is None else f"the drill of {show(newest.refuted_at)} failed on it"
    return f"the newest point, {newest.id}, cannot be relied on{others}: {how}"


def _again(standing: "Standing", drill: "Drill") -> str:
    scenario = "" if drill.scenario == "database-failure" else f" --scenario {drill.scenario}"
    return f"`drkit verify now {standing.source}{scenario}` runs it again"


def _shows(standing: "Standing") -> str:
    return f"`drkit verify now {standing.source}` would show how long it takes"


def _count(points: int) -> str:
    return f"{points} {'point' if points == 1 else 'points'}"


def _against(target: "Target") -> str:
    return _pair(target.measured, target.target or timedelta(0))


def _pair(measured: timedelta | None, promised: timedelta) -> str:
    found = format_length(measured) if measured is not None else "unknown"
    return f"{found}, and {format_length(promised)} was promised"


def _why(drill: "Drill") -> str:
    """An error that became a failed check too is told once."""
    failed = [check for check in drill.checks if check.outcome == "failed"]
    parts = [drill.error] if drill.error else []
    parts += [
        f"{check.name}: expected {check.expected}, found {check.actual}"
        for check in failed
        if not check.actual or check.actual not in drill.error
    ]
    if drill.rpo.met is False:
        parts.append(f"it came back too far from what was asked: {_against(drill.rpo)}")
    told = "; ".join(parts) or "nothing in it could be tested"
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
