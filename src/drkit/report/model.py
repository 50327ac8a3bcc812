"""The nouns of the report: what it is made from, and what it says. Frozen values without I/O.

Times are aware UTC, sizes are stored bytes. Reasons are words for people, in the report's zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from drkit.model import Finding, Point
from drkit.retention import Verdict
from drkit.timetable import Cron
from drkit.verify.exposure import Gap, Recoverable
from drkit.verify.forecast import Forecast
from drkit.verify.model import Drill, Scenario

Answer = Literal["yes", "no", "unknown"]
Topic = Literal["restores", "rto", "rpo"]
Trouble = Literal[
    "drill failed", "drill aborted", "drill missed", "gap", "backups missed", "wrong clock", "not believed"
]


@dataclass(frozen=True, slots=True)
class Removal:
    """A point that stood and was taken out of the store, and why."""

    point: Point
    removed_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class KnownLog:
    """Of a source whose points come with a log. `appearances` are moments that can be restored, and since when at the
    latest: parts that are merged later look as if they had come later, so they bound what could have been lost from
    above. `gaps` are times that nothing can be restored from; the last one is open."""

    appearances: Sequence[Recoverable]
    gaps: Sequence[Gap]


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one source, from its schedule, one listing and its evidence. `source` is SYSTEM/SOURCE.

    `points` stand in the store; none of them is in `removals`. Of what was captured since `complete_since`, nothing
    was removed but `removals`: before it a missing point may be one that retention let go. None means always.
    `doubts` are about evidence and records that cannot be believed, and count for nothing; `doubted_at` is when drills
    began that left evidence which is missing now, or cannot be believed.
    """

    source: str
    kind: str
    backup: Cron
    verify: Cron | None
    rto: timedelta | None
    rpo: timedelta | None
    points: Sequence[Point]
    drills: Sequence[Drill]
    removals: Sequence[Removal] = ()
    verdicts: Sequence[Verdict] = ()
    complete_since: datetime | None = None
    doubts: Sequence[Finding] = ()
    doubted_at: Sequence[datetime] = ()
    log: KnownLog | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """`start` and `end` are midnights in the zone of the report. `until` is the end, or now if that comes first."""

    first_day: date
    start: datetime
    end: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """`promised` and `measured` are lengths of time, where the topic has them."""

    topic: Topic
    answer: Answer
    reason: str
    promised: timedelta | None = None
    measured: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Backups:
    """Planned = captured + missed + not known (retention may have removed them) + due (there is still time)."""

    planned: int
    captured: int
    missed: int
    not_known: int
    due: int
    points: int


@dataclass(frozen=True, slots=True)
class Drills:
    """Planned = run on time + missed + due. Run = passed + failed + aborted, and counts those started by hand too."""

    planned: int
    run: int
    passed: int
    failed: int
    aborted: int
    missed: int
    due: int
    by_hand: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """`newest` is the size of the newest point, `before` that of the newest one a month ago; `by_month` the size of the
    newest point of each month that has one. `stored` is all that stands now."""

    newest: int | None
    before: int | None
    by_month: tuple[tuple[date, int], ...]
    stored: int
    points: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """What retention did in the month, and what it says now. `kept_by` counts the points that each rule keeps."""

    removed: int
    removed_bytes: int
    pinned: int
    kept_by: tuple[tuple[str, int], ...]
    to_go: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement of the RTO."""

    at: datetime
    scenario: Scenario
    took: timedelta
    passed: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that was not as it should be. `end` is None while it lasts, and `settled` says whether it is over."""

    source: str
    trouble: Trouble
    start: datetime
    end: datetime | None
    what: str
    cause: str
    done: str
    settled: bool


@dataclass(frozen=True, slots=True)
class SourceReport:
    """`gaps` are wider than was promised or, without a promise, than two runs of the schedule are apart.

    `points` are the moments in the month that could be restored, `undrilled_at` the drills that were due and never ran.
    `rpo_by_day` is the worst loss of each day, None where nothing could be restored or nobody can say. At the end of
    the month, `captured_at` and `verified_point_at` are the moments of the newest points, and `proven_at` is when the
    last drill that passed began.
    """

    source: str
    kind: str
    answer: Answer
    promises: tuple[Promise, ...]
    backups: Backups
    drills: Drills
    points: tuple[datetime, ...]
    gaps: tuple[Gap, ...]
    undrilled_at: tuple[datetime, ...]
    drilled: tuple[Drill, ...]
    rto_history: tuple[Measured, ...]
    forecast: Forecast
    rpo_by_day: tuple[tuple[date, timedelta | None], ...]
    sizes: Sizes
    keeping: Keeping
    incidents: tuple[Incident, ...]
    captured_at: datetime | None
    verified_point_at: datetime | None
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """`unscheduled` are words on sources that the store holds and no schedule names: nothing else is said of them.
    `together` are the drills of all sources at once; `unbelieved` counts what of their evidence cannot be believed."""

    system: str
    zone: str
    month: Month
    made_at: datetime
    written_by: str
    signers: tuple[str, ...]
    sources: tuple[SourceReport, ...]
    unscheduled: tuple[str, ...] = ()
    together: tuple[Drill, ...] = ()
    unbelieved: int = 0
