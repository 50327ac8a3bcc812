"""The nouns. Frozen values without I/O; times are aware UTC, sizes are bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from drkit.errors import UsageError


@dataclass(frozen=True, slots=True)
class Digest:
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as a store lists it."""

    key: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """What a store that keeps everything has under a key: bytes, or a `marker` that hides what came before it.
    `current` is the newest one, which a plain reader sees. Equal `tag`s mean equal bytes; unequal ones mean nothing."""

    key: str
    id: str
    size: int
    modified_at: datetime
    current: bool
    marker: bool = False
    tag: str = ""


LockMode = Literal["governance", "compliance"]


@dataclass(frozen=True, slots=True)
class Lock:
    """For how long nobody may remove an object; with `governance` nobody but who has a right of its own to do so."""

    mode: LockMode
    days: int

    def until(self, now: datetime) -> datetime:
        return now + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Piece:
    """One named part of a backup: how many bytes the engine gave, and what was stored for them."""

    name: str
    key: str
    plain_bytes: int
    sealed: Digest


@dataclass(frozen=True, slots=True)
class Base:
    """What a base backup of a PostgreSQL server stands on: it is whole once the log from `start` to `stop` is replayed,
    and from `stopped_at` on (by the server's clock) every moment can be reached. `origin` is the ID of the backup that
    it is incremental to."""

    system_identifier: str
    timeline: int
    start: int
    stop: int
    stopped_at: datetime
    wal_segment_bytes: int
    server_version: int
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """What an engine says about a capture that went well. `notes` are for the operator's eyes only:
    they may name files or tables, so they are printed and never stored in the clear."""

    pieces: tuple[Piece, ...]
    notes: tuple[str, ...] = ()
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The statement that a backup exists. `source` is SYSTEM/SOURCE; `recipients` are those that its pieces were
    encrypted to, or empty where nobody wrote them down."""

    id: str
    source: str
    kind: str
    started_at: datetime
    consistent_at: datetime
    finished_at: datetime
    pieces: tuple[Piece, ...]
    correlation_id: str
    written_by: str
    recipients: tuple[str, ...] = ()
    base: Base | None = None

    @property
    def plain_bytes(self) -> int:
        return sum(piece.plain_bytes for piece in self.pieces)

    @property
    def stored_bytes(self) -> int:
        return sum(piece.sealed.size for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Point:
    """One moment that can be restored, as one listing of the store tells it.

    `committed_at` is when its manifest appeared there, by the store's clock. `verified_at` or `refuted_at`
    is when the last drill that could tell began.
    """

    source: str
    id: str
    consistent_at: datetime
    stored_bytes: int
    pinned: bool = False
    verified_at: datetime | None = None
    committed_at: datetime | None = None
    refuted_at: datetime | None = None

    @property
    def credible(self) -> bool:
        """Whether nothing in the listing speaks against it: a drill that failed on it, or pieces that are all gone."""
        return self.refuted_at is None and self.stored_bytes > 0


Outcome = Literal["passed", "failed", "not testable"]
Answer = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at in what was restored. What cannot be tested here neither passed nor failed."""

    name: str
    outcome: Outcome
    expected: str
    actual: str


Comparing = Literal["full", "counts", "off"]
COMPARISONS: Mapping[str, Comparing] = {"full": "full", "counts": "counts", "off": "off"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an operator asks of a restore besides the whole of it. `swap` exchanges it with what stands at the target.

    `tables`, `schema_only`, `owner`, `no_owner`, `no_privileges` and `compare` mean something to databases of many
    tables only. `tolerant` is for drills: what cannot be made at the target, as the server lacks an extension, is left
    out and told. `start`, `pause`, `database` and `spaces` (old places of tablespaces and new ones) are for whole
    PostgreSQL servers.
    """

    swap: bool = False
    tables: tuple[str, ...] = ()
    schema_only: bool = False
    owner: str | None = None
    no_owner: bool = False
    no_privileges: bool = False
    compare: Comparing = "full"
    tolerant: bool = False
    start: bool = False
    pause: bool = False
    database: str | None = None
    spaces: tuple[tuple[str, str], ...] = ()

    @property
    def for_dumps(self) -> dict[str, object]:
        """By their options, those that mean something where a dump of a database is restored."""
        return {
            "--table": self.tables,
            "--schema-only": self.schema_only,
            "--owner": self.owner,
            "--no-owner": self.no_owner,
            "--no-privileges": self.no_privileges,
        }

    @property
    def for_servers(self) -> dict[str, object]:
        """By their options, those that mean something where a whole server is restored."""
        return {
            "--start": self.start,
            "--pause": self.pause,
            "--database": self.database,
            "--tablespace": self.spaces,
        }

    def insist_on_whole(self, kind: str) -> None:
        """For kinds whose points can only be restored whole."""
        given = self.for_dumps | {"--compare": self.compare != "full" and not self.tolerant} | self.for_servers
        refuse_options(given, f"a source of kind {kind} is restored whole")


def refuse_options(
    given: Mapping[str, object], why: str, hint: str = "leave it out, and take what you need out of the restored copy"
) -> None:
    if parts := [option for option, value in given.items() if value]:
        raise UsageError(f"{why}, so {' and '.join(parts)} means nothing here", hint)


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the restored data stand now, what was moved aside for them, and what was checked. `verified` means that
    they were found to be what was captured; `phases` are what the engine did and the seconds each took; `untested` is
    what was left out. `left_out` says so where tables with their rows are among it: then the data did not come back.
    `last_transaction` is when the last one in them ended, where the server itself told. One that `reads_on` fetches the
    rest from the store when it is started."""

    target: str
    kept_old: str | None = None
    notes: tuple[str, ...] = ()
    verified: bool = True
    phases: tuple[tuple[str, float], ...] = ()
    untested: tuple[Check, ...] = ()
    left_out: str = ""
    last_transaction: datetime | None = None
    reads_on: bool = False


STRANGERS = "strangers"  # the name of a finding about the keys, and not about what is stored


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, whether it is as it should be, and what to do if not."""

    check: str
    passed: bool
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A place to restore to that is thrown away afterwards. `target` is spelled as `restore` takes it and may hold a
    password; `place` says in words where it is. `settings_that_differ` maps a setting to its value at the source and
    here, `tools` a program to its version."""

    target: str = field(repr=False)
    place: str
    settings_that_differ: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
