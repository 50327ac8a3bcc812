"""What one listing of a source tells: its points in time, and what objects beside them say, pins and drills' marks."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal

from drkit.catalog.keys import FORMAT, MANIFEST, PIN, SEALED, backups_of, drill_key, folder_of, parse_id
from drkit.errors import UsageError
from drkit.model import Entry, Point
from drkit.ports import Store
from drkit.when import format_moment

Proof = Literal["verified", "refuted"]
_PROOFS: dict[str, Proof] = {"verified": "verified", "refuted": "refuted"}
_MARK = re.compile(r"(verified|refuted)-([0-9TZ.]+-[0-9a-f]{8})\.json")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a drill has shown of a backup, as the name of an object beside it says. Whoever may put objects can say so,
    too: the evidence proves it."""

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


def newest_stamp(entries: Iterable[Entry], now: datetime) -> datetime:
    """By which the age of what lies there is told, as this clock may be wrong: `now` only bounds it."""
    return min(now, max((entry.modified_at for entry in entries), default=now))


def survey(store: Store, source: str) -> Listing:
    return read_listing(source, store.list(backups_of(source)))


def read_listing(source: str, listed: Iterable[Entry]) -> Listing:
    prefix, entries = backups_of(source), tuple(listed)
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
    last = max(marks(source, entries), key=lambda mark: (mark.drilled_at, mark.proof == "refuted"), default=None)
    return Point(
        source,
        backup_id,
        consistent_at,
        stored_bytes=sum(entry.size for entry in entries if entry.key.endswith(SEALED)),
        pinned=f"{folder}/{PIN}" in found,
        # the last word counts: a point that was verified once, and was found damaged later, is not verified
        verified_at=last.drilled_at if last and last.proof == "verified" else None,
        committed_at=manifest.modified_at,
        refuted_at=last.drilled_at if last and last.proof == "refuted" else None,
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
    store.put(mark_key(source, backup_id, drill_id, proof), iter([note.encode()]))


def is_mark_key(key: str) -> bool:
    return _MARK.fullmatch(key.rpartition("/")[2]) is not None


def mark_key(source: str, backup_id: str, drill_id: str, proof: Proof) -> str:
    return f"{folder_of(source, backup_id)}/{proof}-{drill_id}.json"


def _pin_key(point: Point) -> str:
    return f"{folder_of(point.source, point.id)}/{PIN}"
