"""The tables of sources, [sources.NAME], by kind, and what can be told wrong about one by itself."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from drkit.config.parts import CheckTable, HooksTable, KeepTable, ObjectivesTable, Ping, Table
from drkit.config.values import (
    CronLine,
    DsnReference,
    Length,
    Method,
    RedisMethod,
    Reference,
    RepositoryUrl,
    Size,
    SlotName,
    is_reference,
)
from drkit.when import format_length


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
        _insist_on_commands(self, "plain files")
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


def _insist_on_commands(table: SourceTable, what: str) -> None:
    if asking := [check.name for check in table.checks if check.sql is not None]:
        raise ValueError(f"the check {asking[0]!r} asks SQL of {what}; use a command, which gets DRKIT_TARGET")


class RemoteTable(SourceTable):
    """What is reached over a line. `dsn` is a secret, as it holds a password as a rule; `programs` is a folder."""

    dsn: DsnReference
    programs: str | None = None


class RedisTable(RemoteTable):
    """With `method` "scan" keys are read one after the other, where nobody may replicate: not of one moment."""

    restored_as = "server"
    kind: Literal["redis"]
    method: RedisMethod = "sync"

    @model_validator(mode="after")
    def _checks_are_commands(self) -> "RedisTable":
        _insist_on_commands(self, "a Redis server")
        return self


class ServerTable(RemoteTable):
    """What both methods have. `rate_limit` caps what is read from the server, per second."""

    kind: Literal["postgres"]
    rate_limit: Size | None = None


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
    | Annotated[RedisTable, Tag("redis")]
    | Annotated[PostgresTable, Tag("postgres")]
    | Annotated[PhysicalTable, Tag("physical")],
    Discriminator(_tell_kind),
]
