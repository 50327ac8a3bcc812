"""Which base backup the next one may be incremental to, and its server's manifest, which this host can read back."""

from datetime import datetime, timedelta

from drkit import catalog
from drkit.errors import IntegrityError, NotFound
from drkit.model import Manifest, Point
from drkit.ports import Earlier, Store
from drkit.sealing import Seal, loading

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
