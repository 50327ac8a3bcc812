"""What a store holds of a physical source, read for a plan: the manifests of its bases, its log, its histories.

A base whose manifest cannot be believed is none, and is told. It opens no piece.
"""

from collections.abc import Collection

from drkit.catalog.log import Log
from drkit.catalog.manifest import read_manifest
from drkit.errors import IntegrityError, NotFound
from drkit.model import Finding, Manifest, Point
from drkit.ports import Store
from drkit.restore.reach import HeldBase, Holdings
from drkit.restore.stretch import Histories
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

READERS = 8


def read_bases(
    store: Store, points: Collection[Point], signers: Collection[Signer]
) -> tuple[tuple[HeldBase, ...], tuple[Finding, ...]]:
    def read(point: Point) -> HeldBase | Finding | None:
        try:
            manifest: Manifest = read_manifest(store, point.source, point.id, signers)
        except NotFound:  # pruned since the listing
            return None
        except IntegrityError as error:
            return Finding("backup", False, str(error), error.hint)
        if manifest.base is None:
            return Finding(
                "backup", False, f"{point.id} is a backup of kind {manifest.kind}, and no base of a log", "Prune it."
            )
        return HeldBase(point, manifest.base)

    found = list(map_ahead(read, points, READERS))
    held = tuple(each for each in found if isinstance(each, HeldBase))
    return held, tuple(each for each in found if isinstance(each, Finding))


def hold(source: str, bases: tuple[HeldBase, ...], log: Log, histories: Histories | None = None) -> Holdings:
    return Holdings(source, bases, log.spans, histories or {})
