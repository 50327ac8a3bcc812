"""Whether the newest points are what the listing makes of them: signed, with all of their pieces in place, and
encrypted to somebody who is known here.

It reads manifests, and no piece: what a piece holds only a restore can tell.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from drkit.catalog.manifest import read_manifest
from drkit.catalog.points import Listing
from drkit.errors import IntegrityError, NotFound
from drkit.model import STRANGERS, Finding, Manifest
from drkit.ports import Store
from drkit.signing import Signer
from drkit.when import misdated

_STRANGE = (
    "Set encryption.recipients right on the backup host. If somebody has the identity to one of these, list it as one"
    " of encryption.former_recipients."
)
_MOST = 3  # looked at: whoever can put one bad manifest can put a thousand
_LOST = "Somebody removed or cut it, or the store lost it: look in the replica, and capture anew."


@dataclass(frozen=True, slots=True)
class Looked:
    """`listing` is without the newest points that cannot be relied on, `findings` are what is wrong with each, and
    `newest` is the manifest of the first one that can."""

    listing: Listing
    findings: list[Finding]
    newest: Manifest | None


def check_newest(
    store: Store,
    listing: Listing,
    signers: Collection[Signer],
    now: datetime,
    recipients: Collection[str] | None = None,
) -> Looked:
    """As a rule one object is read: the first point that is whole ends it. `recipients` are those whose identities
    somebody has, or None where nobody can tell."""
    dated = [point for point in listing.points if point.credible and not misdated(point, now)]
    newest_first = sorted(dated, key=lambda point: point.consistent_at, reverse=True)
    sizes = {entry.key: entry.size for entry in listing.entries}
    unsound: dict[str, Finding | None] = {}
    newest = None
    for point in newest_first[:_MOST]:
        try:
            manifest = read_manifest(store, point.source, point.id, signers)
            finding = _find_loss(manifest, sizes) or _find_strangers(manifest, recipients)
        except IntegrityError as error:
            finding = Finding("backup", False, str(error), error.hint)
        except NotFound:  # pruned since the listing
            unsound[point.id] = None
            continue
        if finding is None:
            newest = manifest
            break
        unsound[point.id] = finding
    points = tuple(point for point in listing.points if point.id not in unsound)
    return Looked(replace(listing, points=points), [finding for finding in unsound.values() if finding], newest)


def _find_strangers(manifest: Manifest, recipients: Collection[str] | None) -> Finding | None:
    """What an older drkit wrote does not say whom it was encrypted to."""
    if recipients is None or not manifest.recipients or not set(recipients).isdisjoint(manifest.recipients):
        return None
    detail = f"{manifest.id} is encrypted to {', '.join(manifest.recipients)} alone, whom this schedule does not know"
    return Finding(STRANGERS, False, detail, _STRANGE)


def _find_loss(manifest: Manifest, sizes: dict[str, int]) -> Finding | None:
    for piece in manifest.pieces:
        if piece.key not in sizes:
            return Finding("backup", False, f"{piece.key} is not there, and the backup {manifest.id} needs it", _LOST)
        if sizes[piece.key] != piece.sealed.size:
            detail = f"{piece.key} has {sizes[piece.key]} bytes, and its manifest says {piece.sealed.size}"
            return Finding("backup", False, detail, _LOST)
    return None
