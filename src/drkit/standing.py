"""How a source stands now against what was promised for it, and what is wrong. Pure: `now` is an argument.

It must not know where points and evidence were read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from drkit.model import Finding, Point
from drkit.replicate.lag import ReplicaStanding
from drkit.restore.plan import Window, windows
from drkit.timetable import PATIENCE, Cron, next_run
from drkit.verify.custody import UNKNOWN, Custody
from drkit.verify.exposure import Gap, captured, measure_exposure, wider_than
from drkit.verify.forecast import Forecast, forecast_rto
from drkit.verify.history import History
from drkit.verify.model import Drill, Scenario, Target, Worst
from drkit.verify.pace import judge_pace
from drkit.verify.verdicts import brought_back, judge_rpo
from drkit.verify.worst import misses
from drkit.when import from_the_future, misdated

# A server that has nothing to write says so every minute, so a log that is older has stopped.
SILENCE = timedelta(minutes=5)
_BASE_MAY_WAIT = timedelta(hours=1)  # for the log up to its end
_A_FIRST_DRILL = timedelta(hours=1)  # how long one may take while none has shown it


@dataclass(frozen=True, slots=True)
class Promises:
    """What a schedule says of a source. `zone` is that of its cron lines."""

    backup: Cron
    verify: Cron | None
    zone: ZoneInfo
    rto: timedelta | None
    rpo: timedelta | None


@dataclass(frozen=True, slots=True)
class FailedRun:
    """The newest backup that failed, after the newest one that did not; or what a follower has given alarm of."""

    at: datetime
    error: str
    hint: str


@dataclass(frozen=True, slots=True)
class LogStanding:
    """Of a source whose points come with a log: the moments that can be reached, in order, and the times between them
    that cannot. `stranded` are the bases since the last of them that nothing can be reached from. `silent_since` is set
    where the log has not grown for longer than any server is silent. `worst` is the farthest moment, and how long a
    restore to it would take. `alarm` is what the follower of the log says is wrong."""

    windows: tuple[Window, ...]
    gaps: tuple[Gap, ...]
    stranded: tuple[Point, ...]
    silent_since: datetime | None
    worst: Worst | None = None
    alarm: FailedRun | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """`captured_at` is the newest point that nothing speaks against, and `damaged` are those after it: a drill failed
    on them, or their pieces are gone. `rpo` is measured now, from `captured_at`; `rto` by the drill `timed`, and
    `expected` is what that drill would take for the newest point. `verified` is the point that a drill has verified
    last. `gaps` are over and were wider than was promised, as far back as no point was removed. `failed_drills` are
    the last ones of their scenarios, where these brought back nothing, or not what was asked of them, however fast;
    `stopped_drill` is the newest one, if it was stopped. Of `misdated`
    points nobody can say what moment they hold. `made_at` is the newest point, whatever speaks against it, and `takes`
    how long it took. If nothing new comes, a source that is healthy now is so no more from `red_at` on; a backup and a
    drill are late from `backup_late_at` and `drill_late_at` on."""

    source: str
    captured_at: datetime | None
    damaged: tuple[Point, ...]
    misdated: tuple[Point, ...]
    verified: Point | None
    rpo: Target
    rto: Target
    timed: Drill | None
    expected: timedelta | None
    last_drill: Drill | None
    stopped_drill: Drill | None
    failed_drills: tuple[Drill, ...]
    forecast: Forecast
    gaps: tuple[Gap, ...]
    window: Window | None
    overdue_since: datetime | None
    drill_overdue_since: datetime | None
    doubts: tuple[Finding, ...]
    next_backup: datetime
    next_drill: datetime | None
    log: LogStanding | None = None
    made_at: datetime | None = None
    takes: timedelta | None = None
    failed_backup: FailedRun | None = None
    red_at: datetime | None = None
    backup_late_at: datetime | None = None
    drill_late_at: datetime | None = None
    custody: Custody = UNKNOWN
    replicas: tuple[ReplicaStanding, ...] = ()

    @property
    def healthy(self) -> bool:
        late = self.overdue_since or self.drill_overdue_since
        missed = self.rpo.met is False or self.rto.met is False
        wrong = self.damaged or self.failed_drills or self.doubts or self.failed_backup
        afar = not all(each.healthy for each in self.replicas)
        log = self.log
        broken = log is not None and (log.silent_since or log.stranded or log.alarm or self.too_far)
        return self.captured_at is not None and not (late or missed or wrong or afar or broken)

    @property
    def too_far(self) -> Worst | None:
        """The farthest moment, if a restore to it would take longer than was promised."""
        worst = self.log.worst if self.log else None
        return worst if misses(worst, self.rto.target) else None


def judge_standing(
    source: str,
    promises: Promises,
    points: Sequence[Point],
    history: History,
    whole_since: datetime | None,
    now: datetime,
    failed: FailedRun | None = None,
    custody: Custody = UNKNOWN,
) -> Standing:
    """`history` needs the newest evidence only. Of what was captured after `whole_since` no point was removed.
    `failed` is the newest backup that failed, whenever that was."""
    zone = promises.zone
    past = sorted((point for point in points if not misdated(point, now)), key=lambda point: point.consistent_at)
    made = past[-1] if past else None
    sound = [point for point in past if point.credible]
    newest = sound[-1] if sound else None
    drills = [each.drill for each in history.evidences if not from_the_future(each.drill.started_at, now)]
    drills.sort(key=lambda drill: drill.started_at)
    ended = [drill for drill in drills if drill.result in ("passed", "failed")]
    last = ended[-1] if ended else None
    begun = [drill for drill in drills if drill.result != "missed"]
    pace = judge_pace(promises.rto, drills, newest.stored_bytes if newest else None)
    since = last.started_at if last else past[0].consistent_at if past else None
    measurable = [drill for drill in ended if last and drill.scenario == last.scenario]
    drill_takes = last.ended_at - last.started_at if last else _A_FIRST_DRILL
    backup = _deadline(promises.backup, zone, made.consistent_at, _duration(made)) if made else None
    drill = _deadline(promises.verify, zone, since, drill_takes) if promises.verify and since else None
    rpo = newest.consistent_at + promises.rpo if newest and promises.rpo else None
    return Standing(
        source=source,
        captured_at=newest.consistent_at if newest else None,
        damaged=tuple(past[past.index(newest) + 1 :] if newest else past),
        misdated=tuple(point for point in points if misdated(point, now)),
        verified=max(
            (point for point in sound if point.verified_at), key=lambda point: point.verified_at or now, default=None
        ),
        rpo=judge_rpo(promises.rpo, max(timedelta(0), now - newest.consistent_at) if newest else None),
        rto=pace.rto,
        timed=pace.drill,
        expected=pace.expected,
        last_drill=last,
        stopped_drill=begun[-1] if begun and begun[-1].result == "aborted" else None,
        failed_drills=_last_failures(ended),
        forecast=forecast_rto(promises.rto, measurable, past, now),
        gaps=_past_gaps(past, promises.rpo, whole_since, now),
        window=next(iter(windows(sound)), None),
        overdue_since=backup.due if backup and backup.red_at < now else None,
        drill_overdue_since=drill.due if drill and drill.red_at < now else None,
        doubts=history.doubts,
        next_backup=next_run(promises.backup, zone, now),
        next_drill=next_run(promises.verify, zone, now) if promises.verify else None,
        made_at=made.consistent_at if made else None,
        takes=_duration(made) if made else None,
        failed_backup=failed if failed and (made is None or made.consistent_at < failed.at) else None,
        red_at=min((at for at in (backup and backup.red_at, drill and drill.red_at, rpo) if at), default=None),
        backup_late_at=backup.red_at if backup else None,
        drill_late_at=drill.red_at if drill else None,
        custody=custody,
    )


def with_log(
    standing: Standing,
    found: Sequence[Window],
    useless: Sequence[Point],
    now: datetime,
    worst: Worst | None = None,
    alarm: FailedRun | None = None,
) -> Standing:
    """What can be had back is not what the bases are of, but how far the log goes. `useless` are the bases that nothing
    can be reached from; a young one may still be waiting for its log."""
    last = found[-1] if found else None
    behind = max(timedelta(0), now - last.end) if last else None
    log = LogStanding(
        tuple(found),
        tuple(Gap(before.end, after.start) for before, after in pairwise(found)),
        tuple(
            point
            for point in useless
            if now - point.consistent_at > _BASE_MAY_WAIT and (last is None or point.consistent_at > last.end)
        ),
        last.end if last and behind is not None and behind > SILENCE else None,
        worst,
        alarm,
    )
    promised = standing.rpo.target
    deadlines = [standing.backup_late_at, standing.drill_late_at]
    if last:
        deadlines += [last.end + SILENCE, last.end + promised if promised else None]
    return replace(
        standing,
        captured_at=last.end if last else None,
        rpo=judge_rpo(promised, behind),
        gaps=(),
        window=last,
        log=log,
        red_at=min((at for at in deadlines if at), default=None),
    )


@dataclass(frozen=True, slots=True)
class _Deadline:
    """When the run after the last one was due, and from when on it is overdue."""

    due: datetime
    red_at: datetime


def _deadline(cron: Cron, zone: ZoneInfo, last: datetime, takes: timedelta) -> _Deadline:
    """The run may take as long as the last one, but not until the run that follows."""
    due = next_run(cron, zone, last)
    return _Deadline(due, due + PATIENCE + min(takes, next_run(cron, zone, due) - due))


def _duration(point: Point) -> timedelta:
    """From the snapshot to the manifest. A store that was copied has later stamps, so the caller bounds it."""
    return max(timedelta(0), (point.committed_at or point.consistent_at) - point.consistent_at)


def _last_failures(ended: Sequence[Drill]) -> tuple[Drill, ...]:
    """A drill of one scenario that passed says nothing of another one. In the order of their drills."""
    last: dict[Scenario, Drill] = {drill.scenario: drill for drill in ended}
    return tuple(sorted(filter(_failed, last.values()), key=lambda drill: drill.started_at))


def _failed(drill: Drill) -> bool:
    return drill.rpo.met is False or not brought_back(drill.error, drill.checks)


def _past_gaps(
    past: Sequence[Point], promised: timedelta | None, whole_since: datetime | None, now: datetime
) -> tuple[Gap, ...]:
    """The one that is still open is told by the RPO of now."""
    if promised is None or not past:
        return ()
    exposure = measure_exposure(captured(past, now), past[0].consistent_at, now)
    since = whole_since or past[0].consistent_at
    certain = [Gap(max(gap.start, since), gap.end) for gap in exposure.gaps[:-1] if gap.end > since]
    return tuple(wider_than(promised, certain))
