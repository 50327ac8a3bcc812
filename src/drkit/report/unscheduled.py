"""Sources that a store holds and no schedule names: they were renamed, or taken out of it.

Nothing else looks at them, so whoever says how a system stands has to name them. It must not judge them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from drkit import catalog
from drkit.ports import Store
from drkit.when import format_moment


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """`captured_at` is the moment of its newest point, if one stands."""

    source: str
    captured_at: datetime | None

    def __str__(self) -> str:
        if self.captured_at is None:
            return f"the store holds drills of {self.source}, which no schedule names, and no point"
        newest = format_moment(self.captured_at.replace(microsecond=0))
        return f"the store holds {self.source}, which no schedule names; its newest point is of {newest}"


def find_unscheduled(store: Store, system: str, scheduled: Collection[str]) -> list[Unscheduled]:
    """One listing of all that the system has. A source is there if it has a point, or evidence of a drill."""
    found: dict[str, datetime | None] = {}
    for entry in store.list(f"{system}/"):
        source = "/".join(entry.key.split("/", 2)[:2])
        if source in scheduled or catalog.is_set(source):
            continue
        backup_id, _, name = entry.key.removeprefix(catalog.backups_of(source)).partition("/")
        captured_at = catalog.parse_id(backup_id) if name == catalog.MANIFEST else None
        if captured_at or catalog.parse_drill_key(entry.key):
            found[source] = max(filter(None, (found.get(source), captured_at)), default=None)
    return [Unscheduled(source, captured_at) for source, captured_at in sorted(found.items())]
