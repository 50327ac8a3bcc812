"""The shape of schedules/SYSTEM.toml, and what can be told wrong about one without touching anything else."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from drkit.config.parts import NAME, CheckTable, Ping, Table
from drkit.config.sources import AnySource, PhysicalTable
from drkit.config.values import (
    CronLine,
    CronLineOrNever,
    Length,
    NotifyUrl,
    RecipientText,
    Reference,
    References,
    SignerText,
    StoreUrl,
    Zone,
)
from drkit.model import Lock, LockMode
from drkit.timetable import PATIENCE, longest_gap, parse_cron
from drkit.when import format_length


def _lacks_a_lock(key: str) -> ValueError:
    return ValueError(f"{key} is set, and a folder cannot lock what lies in it: use a bucket with object lock")


class ReplicaTable(Table):
    """A copy of the store in another place, by credentials of its own (`?profile=`). A bucket is locked as the store
    is, unless it says otherwise; with 0 days it is not, and has its own default alone."""

    url: StoreUrl
    lock_days: Annotated[int, Field(ge=0, le=36500)] | None = None
    lock_mode: LockMode | None = None

    @model_validator(mode="after")
    def _can_lock(self) -> "ReplicaTable":
        if self.lock_days and self.url.startswith("file:///"):
            raise _lacks_a_lock("lock_days of a replica")
        return self


def _as_replicas(value: object) -> object:
    """A URL alone is a whole one."""
    found = value if isinstance(value, list | tuple) else [value]
    return [{"url": each} if isinstance(each, str) else each for each in found]


class StoreTable(Table):
    """For `lock_days` nobody can remove what was put; with `governance` nobody but who has a right of its own to do so.
    Each `replica` is a URL, or a table of one."""

    url: StoreUrl
    replica: Annotated[tuple[ReplicaTable, ...], BeforeValidator(_as_replicas)] = ()
    lock_days: Annotated[int, Field(ge=1, le=36500)] | None = None
    lock_mode: LockMode = "governance"

    @property
    def lock(self) -> Lock | None:
        return None if self.lock_days is None else Lock(self.lock_mode, self.lock_days)

    def lock_of(self, replica: ReplicaTable, *, is_folder: bool) -> Lock | None:
        """What a replica takes from the store a folder cannot have."""
        inherited = None if is_folder else self.lock_days
        days = inherited if replica.lock_days is None else replica.lock_days
        return Lock(replica.lock_mode or self.lock_mode, days) if days else None

    @model_validator(mode="after")
    def _can_lock(self) -> "StoreTable":
        if self.lock_days is None and "lock_mode" in self.model_fields_set:
            raise ValueError("store.lock_mode says how to lock, and store.lock_days is missing: for how many days?")
        if any(each.lock_mode and not (each.lock_days or self.lock_days) for each in self.replica):
            raise ValueError("a replica's lock_mode says how to lock, and lock_days is missing: for how many days?")
        if self.lock_days is not None and self.url.startswith("file:///"):
            raise _lacks_a_lock("store.lock_days")
        return self

    @model_validator(mode="after")
    def _replicas_are_apart(self) -> "StoreTable":
        if len({self.url, *(each.url for each in self.replica)}) <= len(self.replica):
            raise ValueError("the same URL stands twice in store.url and store.replica; a copy lies in another place")
        return self


class EncryptionTable(Table):
    """What is captured now is encrypted to `recipients`, and older points may be to `former_recipients`. An identity is
    one reference, or several after a rotation: each point is opened by whichever can."""

    recipients: tuple[RecipientText, ...] = Field(min_length=1)
    former_recipients: tuple[RecipientText, ...] = ()
    identity: References = ()
    escrow_identity: References = ()
    signing_key: Reference | None = None
    signers: tuple[SignerText, ...] = Field(min_length=1)


class NotifyTable(Table):
    """Who is told what has changed. `ping_url` is a dead man's switch; a single URL is told of a start at /start and of
    a failure at /fail. `allow_private` lets both reach addresses that are not public."""

    urls: tuple[NotifyUrl, ...] = ()
    ping_url: Ping | None = None
    allow_private: bool = False


class JobsTable(Table):
    """When the daemon runs what belongs to a whole system, by its time zone, or "never". `time_limit` is for every job
    of the system; each starts up to `jitter` after its time, the same job always by the same delay."""

    prune: CronLineOrNever = parse_cron("40 3 * * *")
    replicate: CronLineOrNever = parse_cron("*/15 * * * *")
    report: CronLineOrNever = parse_cron("0 6 1 * *")
    evidence: CronLineOrNever = parse_cron("20 5 * * 0")
    audit: CronLineOrNever = None  # it reads all that is stored, which stores may charge for
    time_limit: Length = timedelta(hours=6)
    jitter: Length = timedelta(0)

    @model_validator(mode="after")
    def _jitter_is_no_delay(self) -> "JobsTable":
        if self.jitter > PATIENCE:
            raise ValueError(
                f"jobs.jitter may be {format_length(PATIENCE)} at most: later than that a backup is overdue"
            )
        return self


class SetTable(Table):
    """All sources restored together. `skew` is how far apart their states may lie; `checks` are commands, which get the
    place of each source in DRKIT_TARGET_ and its name."""

    verify: CronLine | None = None
    rto: Length | None = None
    skew: Length | None = None
    checks: tuple[CheckTable, ...] = ()

    @model_validator(mode="after")
    def _checks_are_commands(self) -> "SetTable":
        if asking := [check.name for check in self.checks if check.sql is not None]:
            raise ValueError(f"the check {asking[0]!r} asks SQL, of no source; use a command, or a source's checks")
        return self


class SystemTable(Table):
    timezone: Zone = ZoneInfo("UTC")
    store: StoreTable
    encryption: EncryptionTable
    jobs: JobsTable = JobsTable()
    notify: NotifyTable = NotifyTable()
    set: SetTable = SetTable()
    sources: dict[str, AnySource] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_plain(self) -> "SystemTable":
        for name in self.sources:
            if not NAME.fullmatch(name):
                raise ValueError(f"the source name {name!r} must be lower-case letters, digits, - and _")
        return self

    @model_validator(mode="after")
    def _variables_are_told_apart(self) -> "SystemTable":
        """Where a command finds the sources by DRKIT_TARGET_ and their names."""
        spelled = [name.replace("-", "_") for name in self.sources]
        if self.set.checks and (twice := sorted({name for name in spelled if spelled.count(name) > 1})):
            raise ValueError(
                f"set.checks: two sources are told by DRKIT_TARGET_{twice[0].upper()}, as - and _ are the same in it;"
                " rename one"
            )
        return self

    @model_validator(mode="after")
    def _replicas_are_there_to_keep(self) -> "SystemTable":
        for name, source in self.sources.items():
            if source.replica_keep and isinstance(source, PhysicalTable):
                raise ValueError(
                    f"sources.{name}.replica_keep: a replica of a log keeps what the store keeps, as every moment needs"
                    " a base and the log since; take it out"
                )
            if source.replica_keep and not self.store.replica:
                raise ValueError(f"sources.{name}.replica_keep says what a replica keeps, and store.replica names none")
        return self

    @model_validator(mode="after")
    def _objectives_can_be_met(self) -> "SystemTable":
        for name, source in self.sources.items():
            rpo = None if isinstance(source, PhysicalTable) else source.objectives.rpo
            if rpo and (gap := longest_gap(source.backup, self.timezone, datetime.now(UTC))) >= rpo:
                raise ValueError(
                    f"sources.{name}.objectives.rpo of {format_length(rpo)} cannot be met by backups up to"
                    f" {format_length(gap)} apart: the worst loss is the interval, plus the capture, plus the upload;"
                    " back up more often or promise less"
                )
        return self
