"""The continuous log of a source on its way to one replica: what of it is missing there, and copying that as it lies.

It must not know when it is asked to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drkit import catalog
from drkit.catalog import Log, Span
from drkit.model import Entry
from drkit.ports import Store
from drkit.replicate.copying import copy
from drkit.replicate.plan import CopyPlan


def plan_log_copy(here: Log, there: Log) -> list[str]:
    """The keys that the replica lacks: what tells timelines apart first, then from the oldest on, so that the log there
    grows without a gap. What was merged and is about to leave the store is not worth the way."""
    held = {entry.key for entry in there.entries}
    merged = {catalog.span_key(here.source, span) for span, _ in catalog.superseded(here.spans)}
    lacking = [entry.key for entry in here.entries if entry.key not in held and entry.key not in merged]
    histories = [key for key in lacking if not isinstance(catalog.parse_log_key(here.source, key), Span)]
    return [*histories, *(key for key in lacking if key not in set(histories))]


@dataclass(frozen=True, slots=True)
class LogPassage:
    """`places` gives the store and the replica; it may fail as they may."""

    source: str
    places: Callable[[], tuple[Store, Store]]

    def find_missing(self) -> tuple[list[str], datetime | None]:
        """With how far the log goes that is complete once they are there."""
        here, there = (catalog.survey_log(store, self.source) for store in self.places())
        last = catalog.newest(here.spans)
        return plan_log_copy(here, there), last.covered_until if last else None

    def copy_spans(self, spans: Iterable[Span]) -> None:
        self.copy_keys([catalog.span_key(self.source, span) for span in spans])

    def copy_keys(self, keys: Sequence[str]) -> None:
        if keys:
            here, there = self.places()
            # only their names count: what nobody has listed has no size and no stamp
            entries = tuple(Entry(key, 0, datetime.min.replace(tzinfo=UTC)) for key in keys)
            copy(CopyPlan(entries, (), ()), here, there, ())
