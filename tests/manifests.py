"""Small backups for tests of what is decided over them: manifests that are signed, and pieces that are any bytes."""

from datetime import UTC, datetime, timedelta

from drkit import catalog
from drkit.model import Digest, Manifest, Piece
from drkit.ports import Store
from drkit.signing import new_signing_key

KEY = new_signing_key()
SIGNERS = frozenset({KEY.signer()})
AT = datetime(2020, 11, 20, 14, 30, 0, 123456, tzinfo=UTC)


def manifest_of(at: datetime = AT, source: str = "shop/main", token: str = "7f3a9c01", pieces: int = 2) -> Manifest:
    backup_id = catalog.make_id(at, token)
    folder = catalog.folder_of(source, backup_id)
    return Manifest(
        id=backup_id,
        source=source,
        kind="sqlite",
        started_at=at - timedelta(seconds=1),
        consistent_at=at,
        finished_at=at + timedelta(seconds=3),
        pieces=tuple(
            Piece(f"part{n}", f"{folder}/part{n}.zst.age", 100 * n, Digest("ab" * 32, 10 + n)) for n in range(pieces)
        ),
        correlation_id="0123456789abcdef",
        written_by="drkit test",
    )


def put(store: Store, key: str, body: bytes = b"x") -> None:
    store.put(key, iter([body]))


def put_backup(store: Store, manifest: Manifest) -> None:
    """As a real one comes into being: its pieces first and its manifest last."""
    for piece in manifest.pieces:
        put(store, piece.key, b"x" * piece.sealed.size)
    catalog.commit(store, manifest, KEY)
