"""The only place that knows how keys are spelled and how a manifest is written. docs/FORMAT.md is its specification.

A backup exists exactly when its manifest does. An ID begins with the moment it is consistent at, so that one listing
of a source's folder tells every point in time.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal

from drkit.errors import IntegrityError, UsageError
from drkit.model import Digest, Entry, Manifest, Piece, Point
from drkit.ports import Store
from drkit.signing import Signer, SigningKey, check_document, sign_document
from drkit.when import format_moment, parse_moment

FORMAT = 1
_ID = re.compile(r"(\d{8}T\d{6}\.\d{6})Z-[0-9a-f]{8}")
_ID_MOMENT = "%Y%m%dT%H%M%S.%f"
MANIFEST, _PIN, _SEALED = "manifest.json", "pin.json", ".zst.age"
_REPORT = re.compile(r"([a-z0-9_-]+)/reports/(\d{4}-(?:0[1-9]|1[0-2]))\.json")
_MARK = re.compile(r"(verified|refuted)-([0-9TZ.]+-[0-9a-f]{8})\.json")

Proof = Literal["verified", "refuted"]
_PROOFS: dict[str, Proof] = {"verified": "verified", "refuted": "refuted"}


def make_id(consistent_at: datetime, token: str) -> str:
    """`token` is eight hexadecimal digits that tell apart two captures of the same microsecond."""
    return f"{consistent_at.astimezone(UTC).strftime(_ID_MOMENT)}Z-{token}"


def parse_id(text: str) -> datetime | None:
    match = _ID.fullmatch(text)
    try:
        return datetime.strptime(match[1], _ID_MOMENT).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def backups_of(source: str) -> str:
    return f"{source}/backups/"


def folder_of(source: str, backup_id: str) -> str:
    return f"{source}/backups/{backup_id}"


def manifest_key(source: str, backup_id: str) -> str:
    return f"{folder_of(source, backup_id)}/{MANIFEST}"


def drills_of(source: str) -> str:
    return f"{source}/drills/"


def drill_key(source: str, drill_id: str) -> str:
    return f"{source}/drills/{drill_id}.json"


def parse_drill_key(key: str) -> tuple[str, str] | None:
    """Source and ID of the drill whose evidence lies there, if one can."""
    return _parse_dated(key, "drills")


def removals_of(source: str) -> str:
    return f"{source}/removals/"


def removal_key(source: str, record_id: str) -> str:
    return f"{source}/removals/{record_id}.json"


def parse_removal_key(key: str) -> tuple[str, str] | None:
    """Source and ID of the record of what was removed that lies there, if one can."""
    return _parse_dated(key, "removals")


def _parse_dated(key: str, folder: str) -> tuple[str, str] | None:
    source, _, name = key.rpartition(f"/{folder}/")
    found = name.removesuffix(".json")
    return (source, found) if source and parse_id(found) and name == f"{found}.json" else None


def report_key(system: str, month: str, form: Literal["json", "html"] = "json") -> str:
    """`month` is spelled 2026-11."""
    return f"{system}/reports/{month}.{form}"


def parse_report_key(key: str) -> tuple[str, str] | None:
    """System and month of the report that lies there, if one can."""
    match = _REPORT.fullmatch(key)
    return (match[1], match[2]) if match else None


@dataclass(frozen=True, slots=True)
class Mark:
    """What a drill has shown of a backup, as the name of an object beside it says."""

    backup: str
    drill: str
    proof: Proof
    drilled_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """All that one source has in a store: its points, oldest first, and every object below its backups."""

    source: str
    points: tuple[Point, ...]
    entries: tuple[Entry, ...]


def survey(store: Store, source: str) -> Listing:
    prefix = backups_of(source)
    entries = tuple(store.list(prefix))
    folders = groupby(entries, key=lambda entry: entry.key[len(prefix) :].split("/", 1)[0])
    points = (_point(source, backup_id, list(found)) for backup_id, found in folders)
    return Listing(source, tuple(point for point in points if point), entries)


def _point(source: str, backup_id: str, entries: list[Entry]) -> Point | None:
    consistent_at = parse_id(backup_id)
    folder = folder_of(source, backup_id)
    found = {entry.key: entry for entry in entries}
    manifest = found.get(f"{folder}/{MANIFEST}")
    if consistent_at is None or manifest is None:
        return None
    return Point(
        source,
        backup_id,
        consistent_at,
        stored_bytes=sum(entry.size for entry in entries if entry.key.endswith(_SEALED)),
        pinned=f"{folder}/{_PIN}" in found,
        verified_at=_verified_at(source, entries),
        committed_at=manifest.modified_at,
    )


def marks(source: str, entries: Iterable[Entry]) -> Iterator[Mark]:
    """Those among what lies below the source's backups."""
    prefix = backups_of(source)
    for entry in entries:
        backup_id, _, name = entry.key[len(prefix) :].partition("/")
        match = _MARK.fullmatch(name)
        drilled_at = parse_id(match[2]) if match else None
        if match and drilled_at:
            # a drill whose clock was fast must not outlive the ones after it
            moment = min(drilled_at, entry.modified_at)
            yield Mark(backup_id, match[2], _PROOFS[match[1]], moment)


def _verified_at(source: str, entries: Iterable[Entry]) -> datetime | None:
    """The last word counts: a point that was verified once, and was found damaged later, is not verified."""
    last = max(marks(source, entries), key=lambda mark: (mark.drilled_at, mark.proof == "refuted"), default=None)
    return last.drilled_at if last and last.proof == "verified" else None


def commit(store: Store, manifest: Manifest, signing_key: SigningKey) -> None:
    key = manifest_key(manifest.source, manifest.id)
    store.put(key, iter([sign_document(signing_key, key, _to_document(manifest))]))


def read_manifest(store: Store, source: str, backup_id: str, signers: Collection[Signer]) -> Manifest:
    """The signed manifest, which says of itself that it stands where it was found."""
    key = manifest_key(source, backup_id)
    document = check_document(signers, key, b"".join(store.get(key)))
    if document.get("drkit") != FORMAT:
        raise IntegrityError(
            f"{key} is written in format {document.get('drkit')!r}, and this drkit reads format {FORMAT}",
            "a newer drkit wrote it: restore with that one",
        )
    try:
        manifest = _from_document(document)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise IntegrityError(f"{key} lacks what a manifest must say: {error!r}") from error
    if (manifest.source, manifest.id, manifest.consistent_at) != (source, backup_id, parse_id(backup_id)):
        raise IntegrityError(f"{key} speaks of another backup: {manifest.source} {manifest.id}")
    return manifest


def find_point(points: Iterable[Point], text: str) -> Point:
    """The one point whose ID is, or begins with, `text`."""
    found = [point for point in points if point.id.startswith(text)]
    if len(found) != 1:
        what = "no point has" if not found else f"{len(found)} points have"
        raise UsageError(f"{what} an ID that begins with {text!r}", "`drkit backup list` shows the IDs")
    return found[0]


def pin(store: Store, point: Point, why: str, now: datetime) -> None:
    """From now on no retention rule removes the point."""
    note = json.dumps({"drkit": FORMAT, "pinned_at": format_moment(now), "why": why}, indent=2) + "\n"
    store.put(_pin_key(point), iter([note.encode()]))


def unpin(store: Store, point: Point) -> None:
    store.delete([_pin_key(point)])


def mark(store: Store, source: str, backup_id: str, drill_id: str, proof: Proof) -> None:
    """Put beside the backup what the drill has shown of it, after its evidence is in the store."""
    note = json.dumps({"drkit": FORMAT, "evidence": drill_key(source, drill_id)}, indent=2) + "\n"
    store.put(f"{folder_of(source, backup_id)}/{proof}-{drill_id}.json", iter([note.encode()]))


def _pin_key(point: Point) -> str:
    return f"{folder_of(point.source, point.id)}/{_PIN}"


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
