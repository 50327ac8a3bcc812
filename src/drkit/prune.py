"""What retention lets go leaves the store: manifests first, so that no backup is ever left without its data.

Objects are judged by what the manifests that stay refer to, and by the store's own time stamps, never by this clock.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit import catalog
from drkit.catalog import Listing
from drkit.errors import NotFound
from drkit.model import Entry, Piece, Point
from drkit.ports import Store
from drkit.retention import Verdict
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

READERS = 8


@dataclass(frozen=True, slots=True)
class PrunePlan:
    keep: tuple[Verdict, ...]
    let_go: tuple[Verdict, ...]
    manifests: tuple[str, ...]
    objects: tuple[str, ...]
    bytes: int
    sweep_before: datetime | None


def plan_prune(
    listing: Listing, verdicts: Sequence[Verdict], referenced: Collection[str], grace: timedelta
) -> PrunePlan:
    """`referenced` holds every key that a manifest which stays lists.

    An object without a manifest may belong to a backup that is being written: it goes only when the store has stamped
    something at least `grace` later.
    """
    let_go = [verdict for verdict in verdicts if not verdict.reasons]
    gone = {catalog.folder_of(verdict.point.source, verdict.point.id) for verdict in let_go}
    standing = {catalog.folder_of(point.source, point.id) for point in listing.points} - gone
    manifests = {f"{folder}/{catalog.MANIFEST}" for folder in gone}
    newest = max((entry.modified_at for entry in listing.entries), default=None)

    def goes(entry: Entry) -> bool:
        folder = entry.key.rsplit("/", 1)[0]
        if entry.key in referenced or entry.key in manifests or folder in standing:
            return False
        return folder in gone or (newest is not None and newest - entry.modified_at >= grace)

    objects = [entry for entry in listing.entries if goes(entry)]
    size = sum(entry.size for entry in listing.entries if entry.key in manifests) + sum(e.size for e in objects)
    return PrunePlan(
        keep=tuple(verdict for verdict in verdicts if verdict.reasons),
        let_go=tuple(let_go),
        manifests=tuple(sorted(manifests)),
        objects=tuple(entry.key for entry in objects),
        bytes=size,
        sweep_before=newest - grace if newest else None,
    )


def read_references(store: Store, points: Iterable[Point], signers: Collection[Signer]) -> set[str]:
    """The keys that the points' manifests list. A manifest that cannot be believed raises IntegrityError; one that
    another prune has removed since the listing refers to nothing."""

    def read(point: Point) -> tuple[Piece, ...]:
        try:
            return catalog.read_manifest(store, point.source, point.id, signers).pieces
        except NotFound:
            return ()

    return {piece.key for pieces in map_ahead(read, points, READERS) for piece in pieces}


def prune(store: Store, plan: PrunePlan) -> None:
    store.delete(plan.manifests)
    store.delete(plan.objects)
    if plan.sweep_before:
        store.sweep(plan.sweep_before)
