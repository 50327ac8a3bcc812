"""The log cut into what is stored: small spans as time goes by, and whole units once they are full.

It holds the unit that is being filled, from its beginning, so that nobody must read back what was stored. It stores
nothing and knows no clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

from drkit.catalog import Span
from drkit.follow.resume import Resume


@dataclass(frozen=True, slots=True)
class Portion:
    """What is to be stored, and which spans it is to replace afterwards."""

    span: Span
    data: memoryview = field(repr=False)
    replaces: tuple[Span, ...] = ()


def _room(size: int) -> mmap:
    """Memory that costs nothing before it is filled, and nothing any more once nobody looks into it."""
    return mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS)


class Cutter:
    def __init__(self, system: str, resume: Resume) -> None:
        self._system, self._timeline, self._unit = system, resume.timeline, resume.unit
        self._begin = resume.listen_from
        self._limit = (resume.listen_from // resume.unit + 1) * resume.unit
        self._held, self._filled = _room(resume.unit), 0
        self._cut_at = resume.store_from
        self._small = list(resume.small)
        self.covered_until = resume.covered_until
        self._told_until = resume.covered_until

    @property
    def position(self) -> int:
        return self._begin + self._filled

    @property
    def waiting(self) -> int:
        """Bytes that are in no portion yet."""
        return max(0, self.position - self._cut_at)

    def add(self, data: bytes, covered_until: datetime | None) -> Iterator[Portion]:
        """What became full by it."""
        rest = memoryview(data)
        while rest:
            part = rest[: self._limit - self.position]
            self._held[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            rest = rest[len(part) :]
            if not rest and covered_until:
                self._cover(covered_until)
            if self.position == self._limit:
                yield from self._finish()
        if covered_until:
            self._cover(covered_until)

    def cut(self) -> Iterator[Portion]:
        """All that waits, as a small span."""
        if self.waiting:
            at, end = self._cut_at, self.position
            span = self._span(at, end)
            self._cut_at = end
            self._small.append(span)
            yield Portion(span, self._bytes(at, end))

    def mark(self) -> Portion | None:
        """That nothing has come since, if more is known by now than was told."""
        if self.waiting or self.covered_until <= self._told_until:
            return None
        return Portion(self._span(self.position, self.position), memoryview(b""))

    def end(self) -> Iterator[Portion]:
        """The timeline is over: its last unit will never be full, and is whole as it is."""
        yield from self._finish()

    def _finish(self) -> Iterator[Portion]:
        end = self.position
        if self._cut_at > self._begin:
            yield from self.cut()
            if [(span.start, span.end) for span in self._small] != [(self._begin, end)]:
                yield Portion(self._span(self._begin, end), self._bytes(self._begin, end), tuple(self._small))
        elif self.waiting:
            yield Portion(self._span(self._begin, end), self._bytes(self._begin, end))
        self._begin, self._cut_at = end, max(end, self._cut_at)
        self._limit = self._begin + self._unit
        # portions look into the one before until they are stored
        self._held, self._filled, self._small = _room(self._unit), 0, []

    def _bytes(self, start: int, end: int) -> memoryview:
        return memoryview(self._held)[start - self._begin : end - self._begin]

    def _cover(self, until: datetime) -> None:
        self.covered_until = max(self.covered_until, until)

    def _span(self, start: int, end: int) -> Span:
        self._told_until = self.covered_until
        return Span(self._system, self._timeline, start, end, self.covered_until)
