"""Whether the newest points are what the listing makes of them: signed, and with all of their pieces in place.

It reads manifests, and no piece: what a piece holds only a restore can tell.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from drkit.catalog.manifest import read_manifest
from drkit.catalog.points import Listing
from drkit.errors import IntegrityError, NotFound
from drkit.model import Finding, Point
from drkit.ports import Store
from drkit.signing import Signer
from drkit.when import misdated

_MOST = 3  # looked at: whoever can put one bad manifest can put a thousand
_LOST = "Somebody removed or cut it, or the store lost it: look in the replica, and capture anew."


def check_newest(
    store: Store, listing: Listing, signers: Collection[Signer], now: datetime
) -> tuple[Listing, list[Finding]]:
    """The listing without the newest points that are not whole, and what is wrong with each. As a rule one object is
    read: the first point that is whole ends it."""
    dated = [point for point in listing.points if point.credible and not misdated(point, now)]
    newest_first = sorted(dated, key=lambda point: point.consistent_at, reverse=True)
    sizes = {entry.key: entry.size for entry in listing.entries}
    unsound: dict[str, Finding | None] = {}
    for point in newest_first[:_MOST]:
        try:
            finding = _find_loss(store, point, sizes, signers)
        except IntegrityError as error:
            finding = Finding("backup", False, str(error), error.hint)
        except NotFound:  # pruned since the listing
            unsound[point.id] = None
            continue
        if finding is None:
            break
        unsound[point.id] = finding
    points = tuple(point for point in listing.points if point.id not in unsound)
    return replace(listing, points=points), [finding for finding in unsound.values() if finding]


def _find_loss(store: Store, point: Point, sizes: dict[str, int], signers: Collection[Signer]) -> Finding | None:
    manifest = read_manifest(store, point.source, point.id, signers)
    for piece in manifest.pieces:
        if piece.key not in sizes:
            return Finding("backup", False, f"{piece.key} is not there, and the backup {point.id} needs it", _LOST)
        if sizes[piece.key] != piece.sealed.size:
            detail = f"{piece.key} has {sizes[piece.key]} bytes, and its manifest says {piece.sealed.size}"
            return Finding("backup", False, detail, _LOST)
    return None
