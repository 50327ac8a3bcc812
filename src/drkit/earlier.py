"""Which backup the next one may rest on, and those of its pieces that this host can read back.

A base backup of a server is incremental to one other. A point of another kind may list pieces of those before it as its
own.
"""

from datetime import datetime, timedelta

from drkit import catalog
from drkit.errors import IntegrityError, NotFound
from drkit.model import Manifest, Point
from drkit.ports import Earlier, Footing, Store
from drkit.sealing import Seal, loading
from drkit.when import misdated

_PIECE = "manifest"


def find_earlier(source: str, store: Store, seal: Seal, full_every: timedelta, now: datetime) -> Earlier | None:
    """The newest one that nothing speaks against, if all that it rests on is there and its full one is not older than
    `full_every`. None where a full one is due."""
    points = [point for point in catalog.survey(store, source).points if point.credible]
    chain = _read_chain(source, store, seal, points)
    if not chain or now - chain[-1].consistent_at >= full_every:
        return None
    newest = chain[0]
    piece = next((each for each in newest.pieces if each.name == _PIECE), None)
    if piece is None or newest.base is None:
        return None
    return Earlier(newest.id, newest.base, loading(store, seal.own_keyring)(piece))


def find_footing(
    source: str, kind: str, store: Store, seal: Seal, full_every: timedelta, now: datetime
) -> Footing | None:
    """The newest point, if all that it lists is there, and nothing speaks against it nor against any point since the
    oldest that it shares pieces with; and if that one is not older than `full_every`. None where all is due anew."""
    listing = catalog.survey(store, source)
    points = [point for point in listing.points if not misdated(point, now)]
    newest = max(points, key=lambda point: point.consistent_at, default=None)
    if newest is None:
        return None
    try:
        manifest = catalog.read_manifest(store, source, newest.id, seal.own_keyring.signers)
    except (IntegrityError, NotFound):
        return None
    oldest = min(filter(None, map(catalog.parse_id, catalog.folders_in(manifest))), default=newest.consistent_at)
    sizes = {entry.key: entry.size for entry in listing.entries}
    whole = all(sizes.get(piece.key) == piece.sealed.size for piece in manifest.pieces)
    doubted = any(not point.credible for point in points if point.consistent_at >= oldest)
    if manifest.kind != kind or not whole or doubted or now - oldest >= full_every:
        return None
    return Footing(manifest.pieces, loading(store, seal.own_keyring))


def _read_chain(source: str, store: Store, seal: Seal, points: list[Point]) -> list[Manifest]:
    """From the newest back to its full one; nothing where a link is missing or cannot be believed."""
    standing = {point.id for point in points}
    wanted = max(points, key=lambda point: point.consistent_at).id if points else None
    chain: list[Manifest] = []
    while wanted:
        if wanted not in standing:
            return []
        try:
            manifest = catalog.read_manifest(store, source, wanted, seal.own_keyring.signers)
        except (IntegrityError, NotFound):
            return []
        if manifest.base is None:
            return []
        chain.append(manifest)
        wanted = manifest.base.origin
    return chain
