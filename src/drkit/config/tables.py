"""The shape of schedules/SYSTEM.toml, and what can be told wrong about one without touching anything else."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from drkit.config.values import (
    Count,
    CronLine,
    CronLineOrNever,
    DsnReference,
    Length,
    Method,
    NotifyUrl,
    PingUrl,
    RecipientText,
    Reference,
    References,
    RepositoryUrl,
    SignerText,
    Size,
    SlotName,
    StoreUrl,
    StoreUrls,
    Zone,
    is_reference,
)
from drkit.model import Lock, LockMode
from drkit.retention import Policy
from drkit.timetable import PATIENCE, longest_gap, parse_cron
from drkit.when import format_length

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class StoreTable(Table):
    """Each `replica` is a copy of the store in another place, by credentials of its own (`?profile=`). For `lock_days`
    nobody can remove what was put; with `governance` nobody but who has a right of its own to do so."""

    url: StoreUrl
    replica: StoreUrls = ()
    lock_days: Annotated[int, Field(ge=1, le=36500)] | None = None
    lock_mode: LockMode = "governance"

    @property
    def lock(self) -> Lock | None:
        return None if self.lock_days is None else Lock(self.lock_mode, self.lock_days)

    @model_validator(mode="after")
    def _can_lock(self) -> "StoreTable":
        if self.lock_days is None and "lock_mode" in self.model_fields_set:
            raise ValueError("store.lock_mode says how to lock, and store.lock_days is missing: for how many days?")
        if self.lock_days is not None and self.url.startswith("file:///"):
            raise ValueError(
                "store.lock_days is set, and a folder cannot lock what lies in it: use a bucket with object lock"
            )
        return self

    @model_validator(mode="after")
    def _replicas_are_apart(self) -> "StoreTable":
        if len({self.url, *self.replica}) <= len(self.replica):
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


class KeepTable(Table):
    within: Length | None = None
    last: Count = 0
    hourly: Count = 0
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0
    yearly: Count = 0
    min_points: Count = 3

    @property
    def policy(self) -> Policy:
        return Policy(**dict(self))

    @model_validator(mode="after")
    def _keeps_something(self) -> "KeepTable":
        if self.policy.keeps_nothing():
            raise ValueError("this policy would keep nothing; give at least one rule, such as daily = 30")
        return self


class ObjectivesTable(Table):
    rto: Length | None = None
    rpo: Length | None = None


class HooksTable(Table):
    """Commands around a restore, for a shell."""

    before: str | None = None
    after: str | None = None


class CheckTable(Table):
    """A question to what was restored, with the answer it should get; or a command, which should end with status 0."""

    name: str = Field(min_length=1)
    sql: str | None = None
    command: str | None = None
    expect: bool | int | float | str = True
    timeout: Length = timedelta(minutes=10)

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "CheckTable":
        if (self.sql is None) == (self.command is None):
            raise ValueError(f"the check {self.name!r} needs either sql or command")
        if self.command is not None and "expect" in self.model_fields_set:
            raise ValueError(f"the check {self.name!r} is a command, which has no answer to expect but status 0")
        return self


class PingTable(Table):
    """URLs that are told when a backup begins, ends well, or fails."""

    start: PingUrl | None = None
    success: PingUrl | None = None
    failure: PingUrl | None = None


Ping = PingUrl | PingTable


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


def _plain_folder(text: str) -> str:
    if is_reference(text):
        raise ValueError('drills of this kind restore to a folder; write its path as it is: "/big/disk"')
    return _folder_or_reference(text)


def _folder_or_reference(text: str) -> str:
    """A DSN that is written out would be taken for a folder, and may hold a password."""
    if "://" in text or "=" in text:
        raise ValueError(
            'the DSN of a scratch server is given by reference: "env:NAME" or "file:/path"; or name a folder'
        )
    return text


Folder = Annotated[str, AfterValidator(_plain_folder)]


class SourceTable(Table):
    """What every kind of source has. Without `keep` nothing is ever pruned, without `verify` nothing is drilled by
    itself. `replica_keep` is for replicas that keep other points than the store. `scratch` is where drills restore to:
    a folder, or for databases the DSN of a server, by reference. `restored_as` is what a restore makes: a path can be
    made up in a folder, a place on a server has to be named."""

    restored_as: ClassVar[Literal["file", "folder", "server"]] = "folder"
    backup: CronLine
    verify: CronLine | None = None
    checks: tuple[CheckTable, ...] = ()
    scratch: Annotated[str, AfterValidator(_folder_or_reference)] | None = None
    keep: KeepTable | None = None
    replica_keep: KeepTable | None = None
    objectives: ObjectivesTable = ObjectivesTable()
    hooks: HooksTable = HooksTable()
    ping_url: Ping | None = None

    @property
    def kept_in_replicas(self) -> KeepTable | None:
        return self.replica_keep or self.keep

    @model_validator(mode="after")
    def _checks_are_told_apart(self) -> "SourceTable":
        names = [check.name for check in self.checks]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two checks are called {min(twice)!r}; give each a name of its own")
        return self


class SqliteTable(SourceTable):
    restored_as = "file"
    kind: Literal["sqlite"]
    path: str
    scratch: Folder | None = None
    integrity: Literal["quick", "full", "off"] = "quick"
    lock_timeout: Length = timedelta(seconds=60)
    spool: str | None = None


class FolderTable(SourceTable):
    """What is restored to a folder, and answers no SQL."""

    scratch: Folder | None = None

    @model_validator(mode="after")
    def _checks_are_commands(self) -> "FolderTable":
        if asking := [check.name for check in self.checks if check.sql is not None]:
            raise ValueError(f"the check {asking[0]!r} asks SQL of plain files; use a command, which gets DRKIT_TARGET")
        return self


class FilesTable(FolderTable):
    kind: Literal["files"]
    path: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class GitTable(FolderTable):
    """A repository that lies at `path`, or one at a `url`, which is cloned for each backup. With `incremental` a backup
    holds what is new since the one before, and a full one is made every `full_every`. `spool` is for clones. `ssh_key`
    and `ssh_hosts` are a private key, and the public ones of hosts, where ssh's own settings are not to hold."""

    kind: Literal["git"]
    path: str | None = None
    url: RepositoryUrl | None = None
    ssh_key: Reference | None = None
    ssh_hosts: Reference | None = None
    incremental: bool = True
    full_every: Length = timedelta(days=7)
    spool: str | None = None

    @model_validator(mode="after")
    def _is_somewhere(self) -> "GitTable":
        if (self.path is None) == (self.url is None):
            raise ValueError("a repository is either at a path, in a folder here, or at a url")
        if self.url is None and (self.ssh_key or self.ssh_hosts):
            raise ValueError("ssh_key and ssh_hosts lead to a url; leave them out where there is a path")
        return self


class ServerTable(SourceTable):
    """What both methods have. `dsn` is a secret, as it holds a password as a rule. `rate_limit` caps what is read from
    the server, per second."""

    kind: Literal["postgres"]
    dsn: DsnReference
    rate_limit: Size | None = None
    programs: str | None = None


class PostgresTable(ServerTable):
    """`jobs` is how many streams flow at once: 0 means by the machine, 1 is gentlest to the server. `trusted = false`
    says that who rules the database must not gain power over who restores it."""

    restored_as = "server"
    method: Method = "dump"
    jobs: Annotated[int, Field(ge=0, le=64)] = 0
    schemas: tuple[str, ...] = ()
    exclude_tables: tuple[str, ...] = ()
    exclude_data: tuple[str, ...] = ()
    lock_timeout: Length = timedelta(seconds=60)
    fingerprints: Literal["full", "counts", "off"] = "full"
    trusted: bool = True

    @model_validator(mode="before")
    @classmethod
    def _is_no_server(cls, given: object) -> object:
        return _without(given, PhysicalTable, 'means something to method = "physical" only')


class PhysicalTable(ServerTable):
    """A whole server. `log_interval` is how long log may wait to be stored, `slot` what makes the server keep it.
    With `synchronous` COMMIT waits for the store, if the server is told so. With `incremental` a base backup holds what
    changed since the one before, and a full one is made every `full_every`. With `rebase` a log that had to begin anew
    is answered with a new base backup."""

    method: Literal["physical"]
    scratch: Folder | None = None
    log_interval: Length = timedelta(seconds=5)
    slot: SlotName | None = None
    synchronous: bool = False
    incremental: bool = False
    full_every: Length = timedelta(days=7)
    rebase: bool = False

    @model_validator(mode="before")
    @classmethod
    def _is_whole(cls, given: object) -> object:
        return _without(given, PostgresTable, "means nothing to physical backups, which hold the whole server")

    @model_validator(mode="after")
    def _log_is_often_enough(self) -> "PhysicalTable":
        if self.log_interval < timedelta(milliseconds=100):
            raise ValueError("log_interval is shorter than any store answers; write 1s, or synchronous = true")
        if (rpo := self.objectives.rpo) and rpo <= self.log_interval:
            raise ValueError(
                f"objectives.rpo of {format_length(rpo)} cannot be met by log that waits up to"
                f" {format_length(self.log_interval)}: the worst loss is log_interval, plus the upload; shorten it, or"
                " promise less"
            )
        return self


def _without(given: object, other: type[SourceTable], why: str) -> object:
    """Keys of the other method are refused in words of their own."""
    own = PhysicalTable if other is PostgresTable else PostgresTable
    strange = other.model_fields.keys() - own.model_fields.keys()
    if isinstance(given, dict) and (found := sorted(strange & given.keys())):
        raise ValueError(f"{' and '.join(found)} {why}; leave it out")
    return given


def _tell_kind(given: object) -> str | None:
    if not isinstance(given, dict):
        return None
    kind = given.get("kind")
    return "physical" if (kind, given.get("method")) == ("postgres", "physical") else kind


AnySource = Annotated[
    Annotated[SqliteTable, Tag("sqlite")]
    | Annotated[FilesTable, Tag("files")]
    | Annotated[GitTable, Tag("git")]
    | Annotated[PostgresTable, Tag("postgres")]
    | Annotated[PhysicalTable, Tag("physical")],
    Discriminator(_tell_kind),
]


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
