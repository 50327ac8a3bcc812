"""The nouns of the daemon: what it runs, and what it knows. Frozen values without I/O; times are aware UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.bulletin import Bulletin
from drkit.timetable import Cron
from drkit.troubles import Trouble

Name = tuple[str, str]  # a job's kind, and whom it is about: SYSTEM or SYSTEM/SOURCE


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is run again and again. `command` is what follows `drkit` on a command line."""

    kind: str
    subject: str
    cron: Cron
    zone: ZoneInfo
    command: tuple[str, ...]
    time_limit: timedelta
    delay: timedelta = timedelta(0)

    @property
    def name(self) -> Name:
        return self.kind, self.subject

    @property
    def system(self) -> str:
        return self.subject.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Running:
    """A job that is being run. Of its progress nothing may be known yet."""

    name: Name
    slot: datetime
    attempt: int
    began_at: datetime
    correlation_id: str
    message: str = ""
    done_bytes: int | None = None
    total_bytes: int | None = None
    bytes_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How the last run of a job ended. `taken` if somebody else had claimed it. A signal is a negative `exit_code`."""

    name: Name
    slot: datetime
    attempt: int
    began_at: datetime
    ended_at: datetime
    exit_code: int
    taken: bool = False
    timed_out: bool = False
    error: str = ""
    hint: str = ""
    correlation_id: str = ""

    @property
    def failed(self) -> bool:
        return self.exit_code != 0 and not self.taken


@dataclass(frozen=True, slots=True)
class Planned:
    name: Name
    at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """All that is shown. `bulletin` is what was seen in the stores, all of them at `looked_at`; `troubles` are
    what the daemon alone knows, by whom it is about: a wrong schedule, a store that is gone, a job that failed, a log
    that nobody follows (`not_followed`: how its follower ended)."""

    started_at: datetime
    look_every: timedelta = timedelta(minutes=15)
    config_error: str = ""
    config_since: datetime | None = None
    looked_at: datetime | None = None
    look_error: str = ""
    bulletin: Bulletin = field(default_factory=Bulletin)
    running: tuple[Running, ...] = ()
    planned: tuple[Planned, ...] = ()
    last: Mapping[Name, Ended] = field(default_factory=dict)
    not_followed: Mapping[Name, Ended] = field(default_factory=dict)
    troubles: Mapping[str, tuple[Trouble, ...]] = field(default_factory=dict)
