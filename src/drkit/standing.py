"""How a source stands now: its newest points against its timetable and its objectives. Pure: `now` is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.model import Point
from drkit.restore.plan import Window, windows
from drkit.timetable import Cron, next_run
from drkit.when import misdated

# A run may start late and still be no cause for alarm.
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Standing:
    source: str
    captured_at: datetime | None
    verified_at: datetime | None
    rpo: timedelta | None
    rpo_objective: timedelta | None
    overdue_since: datetime | None
    window: Window | None
    next_backup: datetime

    @property
    def rpo_met(self) -> bool | None:
        if self.rpo_objective is None:
            return None
        return self.rpo is not None and self.rpo <= self.rpo_objective

    @property
    def healthy(self) -> bool:
        return self.captured_at is not None and self.overdue_since is None and self.rpo_met is not False


def judge_standing(
    source: str, points: Sequence[Point], cron: Cron, zone: ZoneInfo, rpo_objective: timedelta | None, now: datetime
) -> Standing:
    past = [point for point in points if not misdated(point, now)]
    newest = max(past, key=lambda point: point.consistent_at, default=None)
    verified = [point.verified_at for point in past if point.verified_at]
    overdue = None
    if newest:
        due = next_run(cron, zone, newest.consistent_at)
        patience = PATIENCE + min(_duration(newest), next_run(cron, zone, due) - due)
        overdue = due if due + patience < now else None
    return Standing(
        source=source,
        captured_at=newest.consistent_at if newest else None,
        verified_at=max(verified, default=None),
        rpo=max(timedelta(0), now - newest.consistent_at) if newest else None,
        rpo_objective=rpo_objective,
        overdue_since=overdue,
        window=next(iter(windows(past)), None),
        next_backup=next_run(cron, zone, now),
    )


def _duration(point: Point) -> timedelta:
    """From the snapshot to the manifest: as long as that, the run after it may take. A store that was copied has
    later stamps, so the caller bounds it."""
    return max(timedelta(0), (point.committed_at or point.consistent_at) - point.consistent_at)
