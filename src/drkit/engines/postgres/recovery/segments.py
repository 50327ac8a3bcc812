"""The files of log that a server asks for by name, put together from the spans in a store. Pure: it names what to read.

A file is given from its first byte to where the log ends; what is missing then is zero, as a server leaves it. It must
not know how spans are read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drkit.catalog.log import Span
from drkit.restore.lineage import Leg

_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})", re.ASCII)
_HISTORY = re.compile(r"([0-9A-F]{8})\.history", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cut:
    """The bytes from `begin` to `end`, by their positions in the log, as `span` has them."""

    span: Span
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of log. `number` counts all files of `size` bytes from position zero."""

    timeline: int
    number: int
    size: int

    @property
    def begin(self) -> int:
        return self.number * self.size

    @property
    def name(self) -> str:
        a_log = (1 << 32) // self.size
        return f"{self.timeline:08X}{self.number // a_log:08X}{self.number % a_log:08X}"


def parse_segment(name: str, size: int) -> Segment | None:
    match = _SEGMENT.fullmatch(name)
    if match is None:
        return None
    timeline, high, low = (int(part, 16) for part in match.groups())
    return Segment(timeline, high * ((1 << 32) // size) + low, size)


def parse_history_name(name: str) -> int | None:
    match = _HISTORY.fullmatch(name)
    return int(match[1], 16) if match else None


def segments_of(legs: Sequence[Leg], begin: int, end: int, size: int) -> Iterator[Segment]:
    """The files that hold the log from `begin` to `end`, as a server asks for them: where a timeline is left within a
    file, that of the next timeline has it all."""
    for number in range(begin // size, -(-end // size)):
        leg = [leg for leg in legs if leg.begin // size <= number][-1]
        yield Segment(leg.timeline, number, size)


def cuts_of(segment: Segment, spans: Iterable[Span], legs: Sequence[Leg]) -> list[Cut]:
    """What that file is made of, from its first byte on without a gap; empty if nobody has its first byte. Where the
    timeline's own spans do not reach, those of the timelines that it left before have the same bytes."""
    ends = {leg.timeline: leg.end for leg in legs if leg.timeline <= segment.timeline}
    end = segment.begin + segment.size
    near = [
        (span, min(span.end, end, bound if (bound := ends[span.timeline]) is not None else end))
        for span in spans
        if span.timeline in ends and span.start < end and span.end > segment.begin
    ]
    found: list[Cut] = []
    at = segment.begin
    while at < end:
        reaching = [(span.timeline, until, span) for span, until in near if span.start <= at < until]
        if not reaching:
            break
        _, until, span = max(reaching)
        found.append(Cut(span, at, until))
        at = until
    return found
