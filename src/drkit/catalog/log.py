"""The continuous log of a source as its keys tell it: spans of bytes by server and timeline, what they cover together,
and where a part is missing. docs/FORMAT.md is the specification.

Spans may overlap: small ones are merged into whole units, and two followers may store the same bytes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from drkit.catalog.keys import SEALED, format_id_moment, parse_id_moment
from drkit.model import Entry
from drkit.ports import Store

HISTORY = "history"
NOTHING_KNOWN = datetime(2000, 1, 1, tzinfo=UTC)  # no server's log is older
_KEY = re.compile(
    r"(?P<system>\d{1,20})/(?P<timeline>[0-9A-F]{8})/"
    r"(?:(?P<start>[0-9A-F]{16})-(?P<end>[0-9A-F]{16})-(?P<moment>\d{8}T\d{6}\.\d{6}Z)|(?P<history>history))\.zst\.age",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The bytes from `start` to `end` (half open) of one timeline of one server. Whatever that server had on its disk
    by `covered_until`, by its own clock, lies before `end`. One without bytes says that nothing had come by then."""

    system: str
    timeline: int
    start: int
    end: int
    covered_until: datetime

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """What spans cover together without a gap."""

    system: str
    timeline: int
    start: int
    end: int
    covered_until: datetime


@dataclass(frozen=True, slots=True)
class Log:
    """All that the store has of a source's log. `spans` are ordered by server, timeline and position; `histories` are
    the timelines whose history is there; `entries` are all objects, in the order of their keys."""

    source: str
    spans: tuple[Span, ...]
    histories: frozenset[tuple[str, int]]
    entries: tuple[Entry, ...]


def log_of(source: str) -> str:
    return f"{source}/log/"


def timeline_folder(source: str, system: str, timeline: int) -> str:
    return f"{source}/log/{system}/{timeline:08X}"


def span_name(span: Span) -> str:
    return f"{span.start:016X}-{span.end:016X}-{format_id_moment(span.covered_until)}"


def span_key(source: str, span: Span) -> str:
    return f"{timeline_folder(source, span.system, span.timeline)}/{span_name(span)}{SEALED}"


def history_key(source: str, system: str, timeline: int) -> str:
    return f"{timeline_folder(source, system, timeline)}/{HISTORY}{SEALED}"


def parse_log_key(source: str, key: str) -> Span | tuple[str, int] | None:
    """The span that lies there, or the server and timeline whose history does; None for what is no part of a log."""
    match = _KEY.fullmatch(key.removeprefix(log_of(source))) if key.startswith(log_of(source)) else None
    if match is None:
        return None
    timeline = int(match["timeline"], 16)
    if match["history"]:
        return match["system"], timeline
    start, end, moment = int(match["start"], 16), int(match["end"], 16), parse_id_moment(match["moment"])
    return Span(match["system"], timeline, start, end, moment) if moment and start <= end else None


def survey_log(store: Store, source: str) -> Log:
    return read_log(source, store.list(log_of(source)))


def read_log(source: str, listed: Iterable[Entry]) -> Log:
    entries = tuple(listed)
    found = [parse_log_key(source, entry.key) for entry in entries]
    spans = sorted(each for each in found if isinstance(each, Span))
    return Log(source, tuple(spans), frozenset(each for each in found if isinstance(each, tuple)), entries)


def join_spans(spans: Iterable[Span]) -> list[Run]:
    """What they cover, by server, timeline and position. Two runs of a timeline have a gap between them."""
    found: list[Run] = []
    for (system, timeline), group in groupby(sorted(spans), key=lambda span: (span.system, span.timeline)):
        start = end = -1
        until = NOTHING_KNOWN
        for span in group:
            if span.start > end:
                if start >= 0:
                    found.append(Run(system, timeline, start, end, until))
                start, end, until = span.start, span.end, span.covered_until
            end, until = max(end, span.end), max(until, span.covered_until)
        found.append(Run(system, timeline, start, end, until))
    return found


def gaps(spans: Iterable[Span]) -> list[tuple[Run, Run]]:
    """The runs of one timeline on both sides of what is missing between them."""
    found = join_spans(spans)
    return [
        (before, after)
        for before, after in pairwise(found)
        if (before.system, before.timeline) == (after.system, after.timeline)
    ]


def superseded(spans: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Those that say nothing which one other span of their timeline does not say as well, each with that one: the same
    bytes and more, up to the same moment or a later one; or of those without bytes all but the newest."""
    for _, group in groupby(sorted(set(spans)), key=lambda span: (span.system, span.timeline)):
        mine = sorted(group, key=lambda span: (span.start, -span.end, -span.covered_until.timestamp()))
        marks = sorted((span for span in mine if not span.size), key=lambda span: (span.covered_until, span.end))
        yield from ((mark, marks[-1]) for mark in marks[:-1])
        widest: Span | None = None
        for span in (each for each in mine if each.size):
            if widest and span.end <= widest.end and span.covered_until <= widest.covered_until:
                yield span, widest
            elif widest is None or span.end >= widest.end:
                widest = span


def lag(spans: Iterable[Span], now: datetime) -> timedelta | None:
    """What would be lost if the server were gone now; None where nothing is known of its log."""
    last = newest(spans)
    return None if last is None or last.covered_until == NOTHING_KNOWN else max(timedelta(0), now - last.covered_until)


def newest(spans: Iterable[Span]) -> Span | None:
    """The one that covers most of time: a source is followed up to there."""
    return max(spans, key=lambda span: (span.covered_until, span.timeline, span.end), default=None)
