"""Locks that end before their point's time is over are made longer: pieces first, and the manifest last, so that its
lock speaks for the whole point.

It must not know which rule keeps a point.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit import catalog
from drkit.errors import NotFound
from drkit.model import Lock, Point, Version
from drkit.ports import Store, Versioned
from drkit.prune.holdings import NEVER, READERS, Holdings, read_locks
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


def find_aging(points: Iterable[Point], lock: Lock, now: datetime) -> list[Point]:
    """Those whose first lock has less than a third of its length left, the oldest first: the others need no look."""
    fresh = timedelta(days=lock.days) * 2 / 3
    aging = [point for point in points if point.committed_at is None or now - point.committed_at >= fresh]
    return sorted(aging, key=lambda point: point.consistent_at)


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
    """For another whole length, where less than a third of one is left. `points` are those that stay."""
    until = lock.until(now)
    aging = find_aging(points, lock, now)
    ends = read_locks(versioned, holdings, aging)
    due = [point for point in aging if ends.get(point.id, NEVER) < now + timedelta(days=lock.days) / 3]
    done: list[str] = []
    for point in due:
        objects = _objects(store, holdings, point, signers)
        if most < len(objects):
            break
        most -= len(objects)
        *pieces, manifest = objects
        for _ in map_ahead(lambda each: versioned.extend(each, lock.mode, until), pieces, READERS):
            pass
        versioned.extend(manifest, lock.mode, until)
        done.append(point.id)
    return Extended(tuple(done), until, len(due) - len(done))


def _objects(store: Store, holdings: Holdings, point: Point, signers: Collection[Signer]) -> list[Version]:
    try:
        pieces = catalog.read_manifest(store, point.source, point.id, signers).pieces
    except NotFound:  # another prune was quicker
        return []
    keys = [*(piece.key for piece in pieces), catalog.manifest_key(point.source, point.id)]
    return [found for key in keys if (found := holdings.first(key))]
