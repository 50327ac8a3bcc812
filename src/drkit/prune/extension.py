"""Locks that end before their point's time is over are made longer: pieces first, and the manifest last, so that its
lock speaks for the whole point.

It must not know which rule keeps a point.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit import catalog
from drkit.errors import NotFound
from drkit.model import Lock, Point, Version
from drkit.ports import Store, Versioned
from drkit.prune.hidden import MOST_ASKED, READERS
from drkit.prune.holdings import NEVER, Holdings
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

# Requests in one run; what is left is for the next one, and there is time: a third of the lock is.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Extended:
    """`points` whose locks now end at `until`, and how many are `left` for the next run."""

    points: tuple[str, ...]
    until: datetime
    left: int = 0


def find_due(points: Iterable[Point], ends: Mapping[str, datetime], lock: Lock, now: datetime) -> list[Point]:
    """Those whose lock has less than a third of a whole length left, or that have none as they are older than
    `lock_days`: the one whose lock ends first comes first."""
    soon = now + timedelta(days=lock.days) / 3
    due = [point for point in points if ends.get(point.id, NEVER) < soon]
    return sorted(due, key=lambda point: (ends.get(point.id, NEVER), point.consistent_at))


def extend_locks(
    store: Store,
    versioned: Versioned,
    holdings: Holdings,
    points: Iterable[Point],
    signers: Collection[Signer],
    lock: Lock,
    now: datetime,
    most: int = MOST,
) -> Extended:
    """For another whole length. `points` are those that stay."""
    until, staying = lock.until(now), list(points)
    due = find_due(staying, holdings.locked, lock, now)
    done: list[str] = []
    for point in due:
        objects = _objects(store, holdings, point, signers)
        if done and most < len(objects):
            break
        most -= len(objects)
        if not objects:
            continue
        *pieces, manifest = objects
        for _ in map_ahead(lambda each: versioned.extend(each, lock.mode, until), pieces, READERS):
            pass
        versioned.extend(manifest, lock.mode, until)
        done.append(point.id)
    return Extended(tuple(done), until, len(due) - len(done))


def extend_log(
    versioned: Versioned, holdings: Holdings, keys: Iterable[str], lock: Lock, now: datetime, most: int = MOST
) -> tuple[int, int]:
    """The same for the parts of a log that stay, each by itself: how many locks are longer now, and how many are left
    for the next run. What was put first comes first."""
    until, soon = lock.until(now), now + timedelta(days=lock.days) / 3
    put = sorted((found for key in keys if (found := holdings.first(key))), key=lambda each: each.modified_at)
    ends = map_ahead(versioned.locked_until, put[:MOST_ASKED], READERS)
    due = [each for each, end in zip(put, ends, strict=False) if (end or NEVER) < soon]
    for _ in map_ahead(lambda each: versioned.extend(each, lock.mode, until), due[:most], READERS):
        pass
    return len(due[:most]), len(due[most:])


def _objects(store: Store, holdings: Holdings, point: Point, signers: Collection[Signer]) -> list[Version]:
    try:
        pieces = catalog.read_manifest(store, point.source, point.id, signers).pieces
    except NotFound:  # another prune was quicker
        return []
    keys = [*(piece.key for piece in pieces), catalog.manifest_key(point.source, point.id)]
    return [found for key in keys if (found := holdings.first(key))]
