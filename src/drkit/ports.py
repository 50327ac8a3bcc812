"""The seams: what a store and an engine promise, and the shapes of what flows between them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol, runtime_checkable

from drkit.model import (
    Answer,
    Base,
    Captured,
    Check,
    Entry,
    Finding,
    LockMode,
    Manifest,
    Piece,
    Restored,
    Scratch,
    Version,
    Wishes,
)

Chunks = Iterator[bytes]
Clock = Callable[[], datetime]
Save = Callable[[str, Chunks], Piece]
Load = Callable[[Piece], Chunks]
Begin = Callable[[datetime], Save]


class Effort(Enum):
    """How something is compressed: what suits text, pages of PostgreSQL's tables, or whatever comes."""

    TEXT = "text"
    PAGES = "pages"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A base backup that the next one may be incremental to, with the server's manifest of it."""

    id: str
    base: Base
    manifest: Chunks


@dataclass(frozen=True, slots=True)
class Footing:
    """A point that the next capture may rest on: it may list this one's pieces as its own. `load` opens those that the
    engine reads back."""

    pieces: tuple[Piece, ...]
    load: Load


class Store(Protocol):
    """Named bytes, written once. Keys are relative paths of plain characters joined by `/`.

    `put` is all or nothing: if `chunks` raises, the key does not come into being and the error passes through.
    On a taken key it raises AlreadyExists and leaves what is there as it is.
    `get` on a free key raises NotFound, at the call or at the first chunk. `start` and `end` are half open.
    `list` yields every object whose key starts with `prefix`, in the order of the keys' code points.
    `delete` of a key that is already gone is no error.
    `sweep` removes what unfinished puts that began before `before` left behind, and says how many there were.
    """

    def put(self, key: str, chunks: Chunks) -> None: ...
    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks: ...
    def list(self, prefix: str = "") -> Iterator[Entry]: ...
    def delete(self, keys: Iterable[str]) -> None: ...
    def sweep(self, before: datetime) -> int: ...


@runtime_checkable
class Versioned(Protocol):
    """What a store may be able to do besides: keep what is overwritten or deleted, and lock it.

    `keeps_versions` says whether it does so now; where it does not, nothing else of this may be asked.
    `versions` yields every version and marker of the keys that start with `prefix`: key by key, the newest first;
    what has the same stamp may stand in any order, but for the current one.
    `get_version` gives one's bytes. `bring_back` makes it the current one again: by a copy, or by removing the
    `markers` that hide it.
    `delete_versions` removes them for good, and yields those that stay, and until when: None where the role may not.
    `put_locked` is a `put` of what nobody can remove before `until`: it raises unless the lock was seen to be there.
    `locked_until` is None where there is no lock. `extend` never shortens one, and
    leaves its mode as it is; `mode` is for what has none yet.
    """

    def keeps_versions(self) -> bool: ...
    def versions(self, prefix: str = "") -> Iterator[Version]: ...
    def get_version(self, version: Version) -> Chunks: ...
    def bring_back(self, version: Version, markers: Sequence[Version] = ()) -> None: ...
    def delete_versions(self, versions: Iterable[Version]) -> Iterator[tuple[Version, datetime | None]]: ...
    def put_locked(self, key: str, chunks: Chunks, mode: LockMode, until: datetime) -> None: ...
    def locked_until(self, version: Version) -> datetime | None: ...
    def extend(self, version: Version, mode: LockMode, until: datetime) -> None: ...


@runtime_checkable
class Decorator(Protocol):
    """A store that is another one, with something added."""

    @property
    def inner(self) -> Store: ...


def find_versioned(store: Store) -> Versioned | None:
    """What can be asked of a store below whatever decorates it. None: it keeps no versions, and so no locks."""
    while isinstance(store, Decorator):
        store = store.inner
    return store if isinstance(store, Versioned) and store.keeps_versions() else None


class Engine(Protocol):
    """Both directions of one kind of source.

    `capture` fixes its snapshot, calls `begin` once with a moment that nothing in the snapshot is later than,
    and pushes its pieces into the `Save` that it gets back. It leaves nothing behind in or beside the source.
    `check_target` refuses, with a UsageError, a target that `restore` would have to overwrite, and wishes that make
    no sense for this kind.
    `restore` publishes only after the last byte checked out: until then the target's name is free (or, with
    `wishes.swap`, what stood there still stands). It never overwrites: a swap moves the old aside and keeps it.
    `by_hand` gives the shell lines that do the same without drkit; `fetch(piece)` is a pipeline that writes the
    piece's plain bytes to its standard output.
    `check` looks, before anything is at stake, at all that a capture will need.
    `scratch` gives a place to restore that backup to, and removes it with all that is in it when its block is left,
    however that happens; what a killed run left is removed by the next. It never goes near the source.
    `prove` looks at what was restored there: first that it answers at all, then whether it is what was captured.
    `ask` puts the user's own question to it: the first value of the first row. UsageError where none can be asked.
    `effort` is how what it captures is compressed best. `reads_back` names the pieces that a later
    capture needs: they can be opened with the key that signs, too.
    """

    kind: str
    effort: Effort
    reads_back: frozenset[str]

    def capture(self, begin: Begin) -> Captured: ...
    def check_target(self, target: str, wishes: Wishes) -> None: ...
    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored: ...
    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]: ...
    def check(self) -> Iterator[Finding]: ...
    def scratch(self, manifest: Manifest, load: Load) -> AbstractContextManager[Scratch]: ...
    def prove(self, manifest: Manifest, load: Load, target: str) -> Iterator[Check]: ...
    def ask(self, target: str, question: str, timeout: timedelta) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a server stands, and what it keeps for us. `parents` are the timelines before `timeline`, oldest first,
    each with the position at which the next one left it. A `standby` may yet get log that others have. `kept_from` is
    None where the server has given up what it kept; `made` says that it has begun to keep log only now; `held_by` is
    whoever follows it already."""

    system: str
    timeline: int
    parents: tuple[tuple[int, int], ...]
    position: int
    standby: bool
    segment_bytes: int
    kept_from: int | None
    made: bool
    held_by: int | None


@dataclass(frozen=True, slots=True)
class Heard:
    """Log, or only a sign of life, said at `said_at` by the server's clock, when its log went up to `server_end`. What
    it had on its disk by `covered_until` has been heard. `urgent`: it waits to be told that all is stored."""

    data: bytes
    covered_until: datetime | None
    said_at: datetime
    server_end: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The timeline is over: the next one left it at `switch`."""

    timeline: int
    switch: int


class LogLine(Protocol):
    """One connection over which a server tells its log.

    `look` makes the server keep its log for us if it does not yet; `keep_anew` is for one that has given that up.
    `start` begins to tell; SourceBusy if somebody else is told already, LogGone if the server has not got it any more.
    `receive` waits so many seconds, or until the file descriptor `wake` can be read. `report` says what is stored:
    only that may the server forget. The line stays alive only while one of the two is called every second or so.
    """

    def look(self) -> Whereabouts: ...
    def keep_anew(self) -> None: ...
    def history(self, timeline: int) -> bytes: ...
    def start(self, timeline: int, position: int, stored: int) -> None: ...
    def receive(self, seconds: float, wake: int) -> Heard | Ended | None: ...
    def report(self, stored: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Regard:
    """How a server looks upon who follows it: how much more may be written before it gives up what it keeps, out of how
    much (None: without a limit), and whether its commits wait for us."""

    room: int | None
    limit: int | None
    waits: bool


class ServerLog(Protocol):
    """The log of one server."""

    def open(self) -> AbstractContextManager[LogLine]: ...
    def regard(self) -> Regard: ...
