"""Each point of a source against its signed manifest: what was put there is still there, bit by bit.

Objects are read side by side, and none is held. It must not know where the verdicts go.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from drkit.catalog import Listing, manifest_key, read_manifest
from drkit.errors import IntegrityError, NotFound, StoreError, StoreUnavailable, WrongKey
from drkit.model import Piece, Point
from drkit.ports import Store
from drkit.sealing import Keyring, Progress, no_progress, read_opened, read_sealed
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

READERS = 8

Outcome = Literal["ok", "damaged", "not signed", "not opened", "not read"]
_WORST_FIRST: tuple[Outcome, ...] = ("not signed", "damaged", "not opened", "not read")
_LOST = "somebody removed or cut it, or the store lost it: look in the replica, and capture anew"


@dataclass(frozen=True, slots=True)
class Damage:
    key: str
    what: str
    hint: str
    outcome: Outcome = "damaged"


@dataclass(frozen=True, slots=True)
class Audited:
    """`read` are the bytes that were read; None where the point's turn is another day, and only its manifest was
    believed and its objects were found in the listing, in their sizes."""

    point: Point
    objects: int
    read: int | None
    damages: tuple[Damage, ...]

    @property
    def outcome(self) -> Outcome:
        found = {each.outcome for each in self.damages}
        return next((each for each in _WORST_FIRST if each in found), "ok")


@dataclass(frozen=True, slots=True)
class _Opened:
    """A point whose manifest was read, or why it cannot be believed."""

    point: Point
    pieces: tuple[Piece, ...]
    doubt: Damage | None
    due: bool


@dataclass(frozen=True, slots=True)
class _Task:
    """`first`: it is read for this point. What other points share with it is not read again."""

    opened: _Opened
    piece: Piece | None
    first: bool


def audit_points(
    store: Store,
    listing: Listing,
    signers: Collection[Signer],
    is_due: Callable[[Point], bool],
    keyring: Keyring | None = None,
    progress: Progress = no_progress,
) -> Iterator[Audited]:
    """Newest first. Points that are pruned meanwhile are passed over. With a `keyring` objects are opened besides."""
    sizes = {entry.key: entry.size for entry in listing.entries}

    def open_point(point: Point) -> _Opened | None:
        return _open(store, point, signers, is_due(point))

    def look(task: _Task) -> tuple[_Task, Damage | None]:
        opened, piece = task.opened, task.piece
        if piece is None:
            return task, opened.doubt
        if not opened.due:
            return task, _compare_size(piece, sizes)
        return task, _read(store, piece, signers, keyring, progress) if task.first else None

    points = sorted(listing.points, key=lambda point: point.id, reverse=True)
    tasks = _tasks(each for each in map_ahead(open_point, points, READERS) if each)
    known: dict[Piece, Damage | None] = {}
    for _, group in groupby(map_ahead(look, tasks, READERS), key=lambda looked: looked[0].opened.point.id):
        damages: list[Damage] = []
        read = 0
        for task, found in group:
            if task.piece and task.first:
                known[task.piece] = found
                read += sizes.get(task.piece.key, 0)
            shared = task.opened.due and not task.first and task.piece
            damage = known[shared] if shared else found
            damages += [damage] if damage else []
        point = task.opened
        if not damages or _still_stands(store, point.point):
            yield Audited(point.point, len(point.pieces), read if point.due else None, tuple(damages))


def _tasks(points: Iterable[_Opened]) -> Iterator[_Task]:
    read: set[Piece] = set()
    for opened in points:
        for piece in opened.pieces:
            yield _Task(opened, piece, opened.due and piece not in read)
            read.update({piece} if opened.due else ())
        if not opened.pieces:
            yield _Task(opened, None, False)


def _open(store: Store, point: Point, signers: Collection[Signer], due: bool) -> _Opened | None:
    try:
        return _Opened(point, read_manifest(store, point.source, point.id, signers).pieces, None, due)
    except NotFound:
        return None
    except StoreUnavailable:
        raise
    except (IntegrityError, StoreError) as error:
        outcome: Outcome = "not signed" if isinstance(error, IntegrityError) else "not read"
        doubt = Damage(manifest_key(point.source, point.id), _without_key(error), error.hint, outcome)
        return _Opened(point, (), doubt, due)


def _compare_size(piece: Piece, sizes: dict[str, int]) -> Damage | None:
    if piece.key not in sizes:
        return Damage(piece.key, "listed in the manifest, but not in the store", _LOST)
    if sizes[piece.key] != piece.sealed.size:
        what = f"it has {sizes[piece.key]} bytes, and its manifest says {piece.sealed.size}"
        return Damage(piece.key, what, _LOST)
    return None


def _read(
    store: Store, piece: Piece, signers: Collection[Signer], keyring: Keyring | None, progress: Progress
) -> Damage | None:
    try:
        if keyring:
            read_opened(store, piece, keyring, progress)
        else:
            read_sealed(store, piece, signers, progress)
    except WrongKey as error:
        # whether it is whole can be told all the same
        damage = _read(store, piece, signers, None, progress)
        return damage or Damage(piece.key, _without_key(error, piece.key), error.hint, "not opened")
    except IntegrityError as error:
        return Damage(piece.key, _without_key(error, piece.key), error.hint)
    except StoreUnavailable:
        raise
    except StoreError as error:
        return Damage(piece.key, _without_key(error, piece.key), error.hint, "not read")
    return None


def _without_key(error: Exception, key: str = "") -> str:
    return str(error).removeprefix(f"{key}: ") if key else str(error)


def _still_stands(store: Store, point: Point) -> bool:
    """A prune takes manifests first: what lacks objects then is no point any more."""
    key = manifest_key(point.source, point.id)
    return any(entry.key == key for entry in store.list(key))
