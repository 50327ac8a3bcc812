"""The statement that a backup exists: written, signed, read and believed. A backup exists exactly when it does."""

from collections.abc import Collection, Iterable
from typing import Any

from drkit.catalog.document import LARGEST, fetch, read_document
from drkit.catalog.keys import FORMAT, folder_of, manifest_key, parse_backup_key, parse_id
from drkit.errors import CaptureError, IntegrityError, UsageError
from drkit.lsn import format_lsn, parse_lsn
from drkit.model import Base, Digest, Manifest, Piece
from drkit.ports import Store
from drkit.signing import Signer, SigningKey, sign_document
from drkit.when import format_moment, parse_moment


def commit(store: Store, manifest: Manifest, signing_key: SigningKey) -> None:
    key = manifest_key(manifest.source, manifest.id)
    document = sign_document(signing_key, key, _to_document(manifest))
    if len(document) >= LARGEST:
        raise CaptureError(f"{key} would have {len(document)} bytes, more than is read of one", "capture less at once")
    store.put(key, iter([document]))


def read_manifest(store: Store, source: str, backup_id: str, signers: Collection[Signer]) -> Manifest:
    """The signed manifest, which says of itself that it stands where it was found."""
    return parse_manifest(source, backup_id, fetch(store, manifest_key(source, backup_id)), signers)


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


def folders_of(source: str, keys: Iterable[str]) -> frozenset[str]:
    """The IDs of the backups of that source whose folders hold these objects."""
    return frozenset(each[1] for each in map(parse_backup_key, keys) if each and each[0] == source)


def folders_in(manifest: Manifest) -> frozenset[str]:
    """The IDs of the backups whose folders hold its pieces: its own, and those of others that it shares pieces with."""
    return folders_of(manifest.source, (piece.key for piece in manifest.pieces))


def own_bytes(manifest: Manifest) -> int:
    """What was stored for it, without the pieces that it shares."""
    own = f"{folder_of(manifest.source, manifest.id)}/"
    return sum(piece.sealed.size for piece in manifest.pieces if piece.key.startswith(own))


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
        **({"recipients": list(manifest.recipients)} if manifest.recipients else {}),
        **({"base": _spell_base(manifest.base)} if manifest.base else {}),
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
        recipients=_texts(document.get("recipients", [])),
        base=_parse_base(document["base"]) if "base" in document else None,
    )


def _spell_base(base: Base) -> dict[str, object]:
    return {
        "system_identifier": base.system_identifier,
        "timeline": base.timeline,
        "start": format_lsn(base.start),
        "stop": format_lsn(base.stop),
        "stopped_at": format_moment(base.stopped_at),
        "wal_segment_bytes": base.wal_segment_bytes,
        "server_version": base.server_version,
        "from": base.origin,
    }


def _parse_base(base: dict[str, Any]) -> Base:
    return Base(
        system_identifier=str(base["system_identifier"]),
        timeline=int(base["timeline"]),
        start=parse_lsn(base["start"]),
        stop=parse_lsn(base["stop"]),
        stopped_at=parse_moment(base["stopped_at"]),
        wal_segment_bytes=int(base["wal_segment_bytes"]),
        server_version=int(base["server_version"]),
        origin=base["from"],
    )


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("recipients is not a list of texts")
    return tuple(value)
