"""The record of what retention removes: a signed document that is put in the store before the first point goes.

So a report can tell a point that was let go from one that never was. docs/FORMAT.md is its specification.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from drkit import __version__, catalog
from drkit.catalog import FORMAT
from drkit.errors import IntegrityError, UsageError
from drkit.model import Entry, Finding, Point
from drkit.ports import Store
from drkit.retention import Policy
from drkit.signing import Signer, SigningKey, sign_document
from drkit.streams.ahead import map_ahead
from drkit.when import format_length, format_moment, parse_moment

READERS = 8
NOTHING_REMOVED = datetime(1970, 1, 1, tzinfo=UTC)  # of points, where log alone goes
_WRONG = "Somebody else wrote it, or it was damaged: compare it with the replica, or with a copy of the store."


@dataclass(frozen=True, slots=True)
class LogRemoved:
    """Parts of a log that no point needed any more: how many objects, and their bytes as they were stored."""

    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """`points` were removed at `removed_at` or soon after; a prune that was stopped may have left some of them.
    Nothing that was captured after `whole_since` has been removed, by this prune or by an earlier one."""

    id: str
    source: str
    removed_at: datetime
    why: str
    whole_since: datetime
    points: tuple[Point, ...]
    correlation_id: str
    written_by: str
    log: LogRemoved | None = None


@dataclass(frozen=True, slots=True)
class Removals:
    """The believed records, oldest first, and what is wrong with the others. `unsure_since` is the moment of the newest
    record that nobody can believe: what was captured before it may have been removed."""

    records: tuple[Record, ...]
    doubts: tuple[Finding, ...]
    unsure_since: datetime | None


def spell_policy(policy: Policy) -> str:
    within = [f"within {format_length(policy.within)}"] if policy.within else []
    names = ("last", "hourly", "daily", "weekly", "monthly", "yearly", "min_points")
    rules = within + [f"{name} {count}" for name in names if (count := getattr(policy, name))]
    return f"no rule of keep names them: {', '.join(rules)}"


def record_removals(
    points: Sequence[Point],
    log: Sequence[Entry],
    source: str,
    store: Store,
    why: str,
    signing_key: SigningKey,
    signers: Collection[Signer],
    now: datetime,
    token: str,
    correlation_id: str,
    replica: bool = False,
) -> None:
    """`points` and `log` are about to go: from this replica alone, or from the store that it is a copy of. `token` is
    eight hexadecimal digits, as in `catalog.make_id`."""
    before = find_whole_since(store, source, signers)
    newest = max((point.consistent_at for point in points), default=before or NOTHING_REMOVED)
    record = Record(
        id=catalog.make_id(now, token),
        source=source,
        removed_at=now,
        why=why,
        whole_since=max(before or newest, newest),
        points=tuple(points),
        correlation_id=correlation_id,
        written_by=f"drkit {__version__}",
        log=LogRemoved(len(log), sum(entry.size for entry in log)) if log else None,
    )
    key = (catalog.replica_removal_key if replica else catalog.removal_key)(source, record.id)
    store.put(key, iter([sign_document(signing_key, key, _to_document(record))]))


def find_whole_since(store: Store, source: str, signers: Collection[Signer]) -> datetime | None:
    """Since when every point that was captured still stands, or None if none was ever removed: the newest record, and
    in a replica that of its own too. One that nobody can believe excuses nothing."""
    own = _keys(store, source, catalog.replica_removals_of(source))
    found = [_read_whole_since(store, keys, signers) for keys in (_keys(store, source), own)]
    return max((moment for moment in found if moment), default=None)


def _read_whole_since(store: Store, keys: Iterable[str], signers: Collection[Signer]) -> datetime | None:
    for key in sorted(keys, reverse=True):
        with suppress(IntegrityError):
            return parse_record(key, catalog.fetch(store, key), signers).whole_since
    return None


def read_removed(store: Store, source: str, signers: Collection[Signer]) -> frozenset[str]:
    """The IDs of all points that believed records say were removed, in a replica those of its own records too."""
    keys = [*_keys(store, source), *_keys(store, source, catalog.replica_removals_of(source))]
    contents = map_ahead(lambda key: b"".join(store.get(key)), keys, READERS)
    records = believe_records(zip(keys, contents, strict=True), signers).records
    return frozenset(point.id for record in records for point in record.points)


def read_removals(store: Store, source: str, signers: Collection[Signer], since: datetime) -> Removals:
    """The records that were made since then."""
    keys = [key for key in _keys(store, source) if _moment(key) >= since]
    contents = map_ahead(lambda key: catalog.fetch(store, key), keys, READERS)
    return believe_records(zip(keys, contents, strict=True), signers)


def believe_records(stored: Iterable[tuple[str, bytes]], signers: Collection[Signer]) -> Removals:
    records: list[Record] = []
    doubts: list[Finding] = []
    unsure: list[datetime] = []
    for key, content in stored:
        try:
            records.append(parse_record(key, content, signers))
        except IntegrityError as error:
            doubts.append(Finding("removals", False, str(error), error.hint or _WRONG))
            unsure.append(_moment(key))
    return Removals(tuple(records), tuple(doubts), max(unsure, default=None))


def parse_record(key: str, content: bytes, signers: Collection[Signer]) -> Record:
    document = catalog.read_document(key, content, signers)
    try:
        record = _from_document(document)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise IntegrityError(f"{key} lacks what a record of removals must say: {error!r}", _WRONG) from error
    if catalog.parse_removal_key(key) != (record.source, record.id) or catalog.parse_id(record.id) != record.removed_at:
        raise IntegrityError(f"{key} speaks of another prune: {record.source} {record.id}", _WRONG)
    return record


def _keys(store: Store, source: str, prefix: str | None = None) -> list[str]:
    listed = store.list(prefix or catalog.removals_of(source))
    return [entry.key for entry in listed if catalog.parse_removal_key(entry.key)]


def _moment(key: str) -> datetime:
    _, record_id = catalog.parse_removal_key(key) or ("", "")
    moment = catalog.parse_id(record_id)
    if moment is None:
        raise ValueError(f"{key} is no record's key")
    return moment


def _to_document(record: Record) -> dict[str, object]:
    return {
        "drkit": FORMAT,
        "id": record.id,
        "source": record.source,
        "removed_at": format_moment(record.removed_at),
        "why": record.why,
        "whole_since": format_moment(record.whole_since),
        "correlation_id": record.correlation_id,
        "written_by": record.written_by,
        "points": [
            {
                "id": point.id,
                "consistent_at": format_moment(point.consistent_at),
                "committed_at": format_moment(point.committed_at) if point.committed_at else None,
                "verified_at": format_moment(point.verified_at) if point.verified_at else None,
                "stored_bytes": point.stored_bytes,
            }
            for point in record.points
        ],
        **({"log": {"objects": record.log.objects, "bytes": record.log.bytes}} if record.log else {}),
    }


def _from_document(document: dict[str, Any]) -> Record:
    source = document["source"]
    return Record(
        id=document["id"],
        source=source,
        removed_at=parse_moment(document["removed_at"]),
        why=document["why"],
        whole_since=parse_moment(document["whole_since"]),
        points=tuple(_to_point(source, each) for each in document["points"]),
        correlation_id=document["correlation_id"],
        written_by=document["written_by"],
        log=LogRemoved(int(log["objects"]), int(log["bytes"])) if (log := document.get("log")) else None,
    )


def _to_point(source: str, point: dict[str, Any]) -> Point:
    return Point(
        source,
        point["id"],
        parse_moment(point["consistent_at"]),
        int(point["stored_bytes"]),
        verified_at=parse_moment(point["verified_at"]) if point["verified_at"] else None,
        committed_at=parse_moment(point["committed_at"]) if point["committed_at"] else None,
    )
