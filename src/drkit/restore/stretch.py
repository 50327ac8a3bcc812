"""Unbroken log along the way of a timeline, its ancestors' included, and since when the timeline is surely written.

Pure: it looks at spans and histories. It must not know of base backups, nor what is wanted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drkit.catalog.log import NOTHING_KNOWN, Span
from drkit.restore.lineage import Fork, Leg, legs_of

USUAL_SEGMENT = 16 << 20
ALWAYS = datetime.min.replace(tzinfo=UTC)
Histories = Mapping[tuple[str, int], tuple[Fork, ...]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """`legs` end on `timeline`, which at least one of the spans is on. `until` is None where nobody knows how far in
    time it reaches. `born_at` is when the timeline was written already, for sure."""

    system: str
    timeline: int
    legs: tuple[Leg, ...]
    begin: int
    end: int
    until: datetime | None
    born_at: datetime
    spans: tuple[Span, ...]


def find_stretches(spans: Iterable[Span], histories: Histories, segments: Mapping[str, int]) -> list[Stretch]:
    """By system, timeline and position. `segments` is the size of a system's log files: a timeline's first one has the
    bytes before the fork, too. A history that is not known is guessed: see `guess_forks`."""
    by_system: dict[str, dict[int, list[Span]]] = {}
    for span in spans:
        by_system.setdefault(span.system, {}).setdefault(span.timeline, []).append(span)
    found: list[Stretch] = []
    for system, timelines in sorted(by_system.items()):
        for timeline in sorted(timelines):
            forks = histories.get((system, timeline)) or guess_forks(timelines, timeline, histories, system)
            legs, segment = legs_of(timeline, forks), segments.get(system, USUAL_SEGMENT)
            found += _along(system, timeline, legs, timelines, segment)
    return found


def guess_forks(
    timelines: Mapping[int, Sequence[Span]], timeline: int, histories: Histories, system: str
) -> tuple[Fork, ...]:
    """Histories are sealed, and who only lists the store cannot open them: then a timeline is taken to have left the
    one before it where its own first span begins."""
    before = max((each for each in timelines if each < timeline), default=None)
    if before is None:
        return ()
    at = min(span.start for span in timelines[timeline])
    earlier = histories.get((system, before)) or guess_forks(timelines, before, histories, system)
    return (*(fork for fork in earlier if fork.at <= at), Fork(before, at))


def _along(
    system: str, timeline: int, legs: tuple[Leg, ...], timelines: Mapping[int, Sequence[Span]], segment: int
) -> Iterator[Stretch]:
    own = legs[-1]
    moments = [span.covered_until for span in timelines[timeline] if _tells(span, own)]
    born_at = min(moments, default=None) if len(legs) > 1 else ALWAYS
    parts = sorted(
        (begin, end, span)
        for leg in legs
        for span in timelines.get(leg.timeline, ())
        for begin, end in _clip(span, leg, segment)
    )
    run: list[tuple[int, int, Span]] = []
    reached = -1
    for part in [*parts, None]:
        if part is None or part[0] > reached:
            until = max((span.covered_until for _, _, span in run if _tells(span, own)), default=None)
            if any(span.timeline == timeline for _, _, span in run) and run[0][0] < reached:
                used = tuple(span for _, _, span in run)
                yield Stretch(system, timeline, legs, run[0][0], reached, until, born_at or ALWAYS, used)
            run = []
        if part:
            run.append(part)
            reached = max(reached, part[1])


def _clip(span: Span, leg: Leg, segment: int) -> Iterator[tuple[int, int]]:
    """What of the span lies on that leg."""
    begin = max(span.start, leg.begin - leg.begin % segment)
    end = span.end if leg.end is None else min(span.end, leg.end)
    if begin < end or begin == end == span.start == span.end:
        yield begin, end


def _tells(span: Span, own: Leg) -> bool:
    """Whether the span says something of the time on the way's last leg."""
    return span.timeline == own.timeline and span.end >= own.begin and span.covered_until > NOTHING_KNOWN
