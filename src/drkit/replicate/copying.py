"""Carrying out a plan: objects as they are, from one store into another, side by side, each read once.

No key is needed but the signers' public ones: what a manifest lists is compared on the way, and the manifest is put
last, so a damaged object never becomes part of a point that is listed there.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock

from drkit import catalog
from drkit.errors import AlreadyExists, IntegrityError, NotFound, StoreError
from drkit.model import Digest, Manifest, Piece
from drkit.ports import Chunks, Store
from drkit.replicate.plan import BackupCopy, CopyPlan
from drkit.sealing import Progress, no_progress
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead
from drkit.streams.meter import Hasher, Tally

STREAMS = 8  # at once: each may hold a few parts of an upload in memory
_DAMAGED = "Restore from the replica or another point if you need it; the backup is not copied. Then make a new one."


@dataclass(frozen=True, slots=True)
class Copied:
    """`points` are the IDs of backups that are listed there now and were not before. A backup that could not be
    believed, or lacks a piece, has its reason in `failures` and is not listed there."""

    objects: int
    bytes: int
    points: tuple[str, ...]
    failures: tuple[IntegrityError, ...]


def copy(
    plan: CopyPlan, here: Store, there: Store, signers: Collection[Signer], progress: Progress = no_progress
) -> Copied:
    """What another run has copied meanwhile is no error, nor is what was pruned meanwhile. If either store fails it
    rises; what was copied until then stays, and the next run goes on from there."""
    at_once = max(1, min(STREAMS, len(plan.backups)))
    line = _Line(here, there, signers, progress, STREAMS // at_once, frozenset(plan.differing))
    try:
        sizes = list(map_ahead(line.move, (entry.key for entry in plan.others), STREAMS, line.stop))
        done = list(map_ahead(line.bring, plan.backups, at_once, line.stop))
    except StoreError:
        if line.cause:  # what comes first in order may only have been stopped by it
            raise line.cause from None
        raise
    return Copied(
        objects=sum(size > 0 for size in sizes) + sum(each.objects for each in done),
        bytes=sum(sizes) + sum(each.bytes for each in done),
        points=tuple(point for each in done for point in each.points),
        failures=tuple(_differs(key) for key in plan.differing) + tuple(e for each in done for e in each.failures),
    )


def _differs(key: str) -> IntegrityError:
    return IntegrityError(
        f"{key} has another size in the replica than in the store, and keys are written once",
        "somebody changed one of the two: find out which; remove the wrong one by hand, and it is copied again",
    )


class _Line:
    def __init__(
        self,
        here: Store,
        there: Store,
        signers: Collection[Signer],
        progress: Progress,
        pieces_at_once: int,
        differing: Collection[str],
    ) -> None:
        self._here = here
        self._there = there
        self._signers = signers
        self._progress = progress
        self._pieces_at_once = pieces_at_once
        self._differing = differing
        self._stopped = Event()
        self._turns: dict[str, Lock] = {}
        self._moved: set[Piece] = set()
        self.cause: StoreError | None = None

    def stop(self) -> None:
        """Whatever is on its way ends at its next chunk, and its put comes to nothing; no other is begun."""
        self._stopped.set()

    def move(self, key: str) -> int:
        """How many bytes were copied; 0 if it is there already, or not here any more."""
        with self._stopping():
            try:
                return self._move(key, None)
            except NotFound:
                return 0

    def bring(self, backup: BackupCopy) -> Copied:
        with self._stopping():
            try:
                return self._bring(backup)
            except IntegrityError as error:
                return Copied(0, 0, (), (error,))
            except NotFound as error:
                if any(self._here.list(backup.manifest.key)):
                    lost = f"{error} The manifest of {backup.source} {backup.id} lists it".rstrip(".")
                    return Copied(0, 0, (), (IntegrityError(lost, _DAMAGED),))
                return Copied(0, 0, (), ())  # pruned since the listing

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """A store that fails for one object fails for the rest: nobody waits for what takes longer."""
        try:
            yield
        except StoreError as error:
            if not self._stopped.is_set():
                self.cause = error
            self.stop()
            raise

    def _bring(self, backup: BackupCopy) -> Copied:
        content = b"".join(self._watched(self._here.get(backup.manifest.key)))
        manifest = catalog.parse_manifest(backup.source, backup.id, content, self._signers)
        if wrong := next((piece.key for piece in manifest.pieces if piece.key in self._differing), None):
            raise _differs(wrong)
        needed = _needed(manifest, backup)
        if self._pieces_at_once > 1:
            sizes = list(map_ahead(self._move_piece, needed, self._pieces_at_once))
        else:
            sizes = list(map(self._move_piece, needed))
        listed = {piece.key for piece in manifest.pieces}
        sizes += [self.move(entry.key) for entry in backup.beside if entry.key not in listed]
        if backup.listed:
            return Copied(len(sizes), sum(sizes), (), ())
        self._put(backup.manifest.key, iter([content]))
        return Copied(len(sizes) + 1, sum(sizes) + len(content), (backup.id,), ())

    def _move_piece(self, piece: Piece) -> int:
        """Backups that are copied side by side may share it: the first one moves it, and the others wait for that."""
        with self._turns.setdefault(piece.key, Lock()):
            size = 0 if piece in self._moved else self._move(piece.key, piece.sealed)
            self._moved.add(piece)
        return size

    def _move(self, key: str, expected: Digest | None) -> int:
        tally = Tally(self._progress)
        stored = tally.watch(self._watched(self._here.get(key)))
        return tally.size if self._put(key, _checked(key, stored, expected) if expected else stored) else 0

    def _put(self, key: str, chunks: Chunks) -> bool:
        self._go_on()
        try:
            self._there.put(key, chunks)
        except AlreadyExists:
            return False
        return True

    def _watched(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            self._go_on()
            yield chunk

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise StoreError("the copy was stopped")


def _needed(manifest: Manifest, backup: BackupCopy) -> Iterator[Piece]:
    """Those that the listing has shown there were put by a copy like this one, or by the bucket's own."""
    return (piece for piece in manifest.pieces if piece.key not in backup.held)


def _checked(key: str, chunks: Chunks, expected: Digest) -> Chunks:
    """An error at the end is early enough: until then the put has not come to pass."""
    hasher = Hasher()
    yield from hasher.watch(chunks)
    if hasher.digest() != expected:
        raise IntegrityError(f"{key} is not the object that its manifest lists", _DAMAGED)
