"""The nouns of drills. Frozen values without I/O; times are aware UTC, sizes are bytes, `phases` are in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drkit.model import Check

Scenario = Literal["database-failure", "region-failure", "corruption"]
Result = Literal["passed", "failed", "aborted", "missed"]


@dataclass(frozen=True, slots=True)
class Target:
    """A promise and what was measured. `met` is None where nobody can say: no promise, or no measurement."""

    target: timedelta | None
    measured: timedelta | None
    met: bool | None


NOT_MEASURED = Target(None, None, None)


@dataclass(frozen=True, slots=True)
class Member:
    """The drill of one source as a part of a set's: its ID, the SHA-256 of its evidence, and what it came to."""

    source: str
    drill: str
    sha256: str
    backup: str | None
    reached: datetime | None
    result: Result


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, however it ended. `source` is SYSTEM/SOURCE; `id` is spelled as a backup's, from `started_at`.

    A drill that was due and never ran is `missed`: it started when it was due and ended when that was noticed. One that
    was stopped is `aborted`. One that restored the right data too slowly, or from too far back, has `failed` too.
    `stored_bytes` are the sealed bytes of the backup, as a listing counts them; `restored_bytes` the plain ones.
    `objects` are keys and SHA-256 of what was read; `clock_offset` is by how many seconds this clock is ahead of the
    store's; `settings_that_differ` maps a setting to its value at the source and in the drill.
    `opened_with` are the recipients whose identities were here and opened the backup, each by itself.

    A drill of a whole system has `members`, all of which stood restored at once. Then `source` is SYSTEM/_, `backup` is
    None, `reached` is the oldest of theirs, and `skew` is how far apart these lie.
    """

    id: str
    source: str
    scenario: Scenario
    started_at: datetime
    ended_at: datetime
    backup: str | None
    wanted: datetime | None
    reached: datetime | None
    seed: str | None
    result: Result
    error: str
    rto: Target
    rpo: Target
    phases: tuple[tuple[str, float], ...]
    checks: tuple[Check, ...]
    stored_bytes: int
    restored_bytes: int
    objects: tuple[tuple[str, str], ...]
    tools: Mapping[str, str]
    clock_offset: float | None
    settings_that_differ: Mapping[str, tuple[str, str]]
    disposed: bool
    correlation_id: str
    drkit_version: str
    opened_with: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    skew: Target = NOT_MEASURED

    @property
    def passed(self) -> bool:
        return self.result == "passed"


@dataclass(frozen=True, slots=True)
class Link:
    """How one evidence names another: the drill's ID, and the SHA-256 of the evidence's stored bytes."""

    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is signed and stored of a drill. `previous` names the evidence before it in the chain of its source: none
    for the first one, and more than one after drills that ran at the same time."""

    drill: Drill
    previous: tuple[Link, ...]
