"""Which parts of a log are out of sight for a good reason, and stay there.

It must not know how anything is brought back.
"""

from collections.abc import Callable, Iterable
from itertools import chain

from drkit import catalog
from drkit.catalog import Span
from drkit.model import Base, Version
from drkit.prune.holdings import first_of
from drkit.streams.ahead import map_ahead
from drkit.undelete.plan import Versions

READERS = 8


def find_settled(
    source: str, versions: Versions, bases: Iterable[Base] | None, signed: Callable[[Version], bool]
) -> set[str]:
    """The keys of what was merged into a larger span, which is there or comes back; it must be signed, as a name proves
    nothing. And of what lies before all that `bases`, the ones that are there, need. With None nothing does."""
    prefix = catalog.log_of(source)
    parsed = {key: catalog.parse_log_key(source, key) for key in versions if key.startswith(prefix)}
    spans = {span: key for key, span in parsed.items() if isinstance(span, Span)}
    unseen = {span for span, key in spans.items() if versions[key][0].marker}
    merged = _merged(spans, unseen, versions, signed) if unseen else set()
    old = [] if bases is None else _before(unseen, list(bases))
    return {spans[span] for span in chain(merged, old)}


def _merged(
    spans: dict[Span, str], unseen: set[Span], versions: Versions, signed: Callable[[Version], bool]
) -> set[Span]:
    pairs = [(span, by) for span, by in catalog.superseded(spans) if span in unseen]
    larger = list(dict.fromkeys(by for _, by in pairs))
    first = [found for by in larger if (found := first_of(versions[spans[by]]))]
    believed = {by for by, good in zip(larger, map_ahead(signed, first, READERS), strict=True) if good}
    return {span for span, by in pairs if by in believed}


def _before(unseen: Iterable[Span], bases: list[Base]) -> list[Span]:
    known = {base.system_identifier for base in bases}
    return [span for span in unseen if span.system in known and not any(_may_need(base, span) for base in bases)]


def _may_need(base: Base, span: Span) -> bool:
    """Log is read from the beginning of its file on, and on later timelines as far as they go."""
    if base.system_identifier != span.system or span.timeline < base.timeline:
        return False
    return span.timeline > base.timeline or span.end > base.start - base.start % base.wal_segment_bytes
