"""The nouns. Frozen values without I/O; times are aware UTC, sizes are bytes."""

from dataclasses import dataclass
from datetime import datetime


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
class Piece:
    """One named part of a backup: how many bytes the engine gave, and what was stored for them."""

    name: str
    key: str
    plain_bytes: int
    sealed: Digest


@dataclass(frozen=True, slots=True)
class Captured:
    """What an engine says about a capture that went well. `notes` are for the operator's eyes only:
    they may name files or tables, so they are printed and never stored in the clear."""

    pieces: tuple[Piece, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The statement that a backup exists. `source` is SYSTEM/SOURCE."""

    id: str
    source: str
    kind: str
    started_at: datetime
    consistent_at: datetime
    finished_at: datetime
    pieces: tuple[Piece, ...]
    correlation_id: str
    written_by: str

    @property
    def plain_bytes(self) -> int:
        return sum(piece.plain_bytes for piece in self.pieces)

    @property
    def stored_bytes(self) -> int:
        return sum(piece.sealed.size for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Point:
    """One moment that can be restored, as one listing of the store tells it.

    `committed_at` is when its manifest appeared there, by the store's clock.
    """

    source: str
    id: str
    consistent_at: datetime
    stored_bytes: int
    pinned: bool = False
    verified_at: datetime | None = None
    committed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the restored data stand now, what was moved aside for them, and what was checked."""

    target: str
    kept_old: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, whether it is as it should be, and what to do if not."""

    check: str
    passed: bool
    detail: str
    hint: str = ""
