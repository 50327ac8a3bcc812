"""The statement that a backup exists: written, signed, read and believed. A backup exists exactly when it does."""

from collections.abc import Collection
from typing import Any

from drkit.catalog.document import read_document
from drkit.catalog.keys import FORMAT, manifest_key, parse_id
from drkit.errors import IntegrityError, UsageError
from drkit.model import Digest, Manifest, Piece
from drkit.ports import Store
from drkit.signing import Signer, SigningKey, sign_document
from drkit.when import format_moment, parse_moment


def commit(store: Store, manifest: Manifest, signing_key: SigningKey) -> None:
    key = manifest_key(manifest.source, manifest.id)
    store.put(key, iter([sign_document(signing_key, key, _to_document(manifest))]))


def read_manifest(store: Store, source: str, backup_id: str, signers: Collection[Signer]) -> Manifest:
    """The signed manifest, which says of itself that it stands where it was found."""
    return parse_manifest(source, backup_id, b"".join(store.get(manifest_key(source, backup_id))), signers)


def parse_manifest(source: str, backup_id: str, content: bytes, signers: Collection[Signer]) -> Manifest:
    key = manifest_key(source, backup_id)
    document = read_document(key, content, signers)
    try:
        manifest = _from_document(document)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise IntegrityError(f"{key} lacks what a manifest must say: {error!r}") from error
    if (manifest.source, manifest.id, manifest.consistent_at) != (source, backup_id, parse_id(backup_id)):
        raise IntegrityError(f"{key} speaks of another backup: {manifest.source} {manifest.id}")
    return manifest


def _to_document(manifest: Manifest) -> dict[str, object]:
    return {
        "drkit": FORMAT,
        "id": manifest.id,
        "source": manifest.source,
        "kind": manifest.kind,
        "started_at": format_moment(manifest.started_at),
        "consistent_at": format_moment(manifest.consistent_at),
        "finished_at": format_moment(manifest.finished_at),
        "correlation_id": manifest.correlation_id,
        "written_by": manifest.written_by,
        "pieces": [
            {
                "name": piece.name,
                "key": piece.key,
                "plain_bytes": piece.plain_bytes,
                "stored_bytes": piece.sealed.size,
                "sha256": piece.sealed.sha256,
            }
            for piece in manifest.pieces
        ],
    }


def _from_document(document: dict[str, Any]) -> Manifest:
    return Manifest(
        id=document["id"],
        source=document["source"],
        kind=document["kind"],
        started_at=parse_moment(document["started_at"]),
        consistent_at=parse_moment(document["consistent_at"]),
        finished_at=parse_moment(document["finished_at"]),
        pieces=tuple(
            Piece(each["name"], each["key"], each["plain_bytes"], Digest(each["sha256"], each["stored_bytes"]))
            for each in document["pieces"]
        ),
        correlation_id=document["correlation_id"],
        written_by=document["written_by"],
    )
