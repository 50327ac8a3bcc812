"""Who reads a backup says so in the store, so that no prune takes it away meanwhile: a mark, which counts for a day.

It must not know what is restored from it, nor which rule would let it go.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.catalog.keys import FORMAT, parse_reading_key, readings_of
from drkit.ports import Store
from drkit.streams.ahead import map_ahead

COUNTS = timedelta(days=1)
WRITERS = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """The IDs of backups that somebody reads, and the keys of marks that count no more."""

    backups: frozenset[str] = frozenset()
    over: tuple[str, ...] = ()


def mark_reading(store: Store, keys: Iterable[str]) -> None:
    """A chain may have hundreds of backups, so several are put at once."""
    note = (json.dumps({"drkit": FORMAT}, indent=2) + "\n").encode()
    for _ in map_ahead(lambda key: store.put(key, iter([note])), keys, WRITERS):
        pass


def find_reading(store: Store, source: str, since: datetime) -> Reading:
    """What the store has stamped before `since` counts no more."""
    marks = list(store.list(readings_of(source)))
    over = {entry.key for entry in marks if entry.modified_at < since}
    told = (parse_reading_key(entry.key) for entry in marks if entry.key not in over)
    return Reading(frozenset(found[1] for found in told if found), tuple(sorted(over)))
