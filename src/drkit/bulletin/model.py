"""The nouns of a bulletin: what is told of sources, systems and jobs as they stand. Frozen values without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drkit.runs import Claim
from drkit.troubles import Trouble
from drkit.verify.model import Target


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job: `failing` if its newest run did not end well. `claims` are those of newer slots."""

    name: str
    done_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    failing: bool = False
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, and what drills have shown of it: captured, verified or refuted."""

    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class ReplicaBulletin:
    """How one replica stands. `lag` is how old its newest whole point is; `met` is whether that keeps the RPO."""

    url: str
    captured_at: datetime | None
    lag: timedelta | None
    met: bool | None = None
    error: str = ""

    @property
    def healthy(self) -> bool:
        return not self.error and self.met is not False


@dataclass(frozen=True, slots=True)
class LogBulletin:
    """How a continuous log stands. `slot_safe_bytes` is how much more the server may write before its slot is lost,
    or its disk full; None where nobody has limited that."""

    covered_until: datetime | None
    lag: timedelta | None
    slot_safe_bytes: int | None


@dataclass(frozen=True, slots=True)
class SourceBulletin:
    """`made_at` is the moment of the newest point, also if it is not to be relied on, and `drilled_at` when the last
    drill began that came to its end. `backup_late_at` and `verify_late_at` are when a run is overdue if none has ended
    well by then; `red_at` is when a healthy source is so no more if nothing new comes. From `rto_missed_at` on a
    forecast sees the RTO missed."""

    source: str
    kind: str
    captured_at: datetime | None
    made_at: datetime | None
    drilled_at: datetime | None
    verified_at: datetime | None
    rpo: Target
    rto: Target
    window: tuple[datetime, datetime] | None
    gaps: tuple[tuple[datetime, datetime], ...]
    next_backup: datetime
    next_verify: datetime | None
    healthy: bool
    red_at: datetime | None
    takes: timedelta | None
    points: int
    stored_bytes: int
    troubles: tuple[Trouble, ...]
    warnings: tuple[Trouble, ...]
    notes: tuple[str, ...]
    jobs: tuple[Job, ...]
    moments: tuple[Moment, ...] = field(default=(), repr=False)
    backup_late_at: datetime | None = None
    verify_late_at: datetime | None = None
    rto_expected: timedelta | None = None
    rto_missed_at: datetime | None = None
    replicas: tuple[ReplicaBulletin, ...] = ()
    log: LogBulletin | None = None

    @property
    def system(self) -> str:
        return self.source.partition("/")[0]

    def is_healthy(self, now: datetime) -> bool:
        """Also some time after it was looked at."""
        return self.healthy and (self.red_at is None or now <= self.red_at)


@dataclass(frozen=True, slots=True)
class SystemBulletin:
    system: str
    report: str | None
    jobs: tuple[Job, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class Bulletin:
    """`failed` maps what could not be looked at to why not."""

    sources: tuple[SourceBulletin, ...] = ()
    systems: tuple[SystemBulletin, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> SourceBulletin | None:
        return next((each for each in self.sources if each.source == name), None)

    def system(self, name: str) -> SystemBulletin | None:
        return next((each for each in self.systems if each.system == name), None)
