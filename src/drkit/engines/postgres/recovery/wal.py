"""The log of one way, read: whole files for a server, and records for who must know what is in it.

Spans that were merged since they were listed are found again under their new names.
"""

from collections.abc import Iterator
from itertools import chain

from drkit.catalog.log import Log, Span
from drkit.engines.postgres.recovery.records import PAGE, Record, read_records
from drkit.engines.postgres.recovery.segments import (
    Cut,
    Segment,
    cuts_of,
    parse_history_name,
    parse_segment,
    segments_of,
)
from drkit.errors import IntegrityError, NotFound
from drkit.lsn import format_lsn
from drkit.ports import Chunks
from drkit.restore.lineage import Leg
from drkit.restore.logbook import LogBook

_ATTEMPTS = 5


class WalReader:
    """`size` is that of a file of log. Up to `end` the log was there when the way was planned: a server takes what is
    missing for the end of the log, so what is missing before that is an error."""

    def __init__(self, book: LogBook, system: str, legs: tuple[Leg, ...], size: int, end: int) -> None:
        self._book = book
        self._system = system
        self._legs = legs
        self.size = size
        self._end = end
        self._indexed: tuple[Log, dict[int, list[Span]]] | None = None

    def names(self, begin: int, end: int) -> list[str]:
        return [segment.name for segment in segments_of(self._legs, begin, end, self.size)]

    def fetch(self, name: str) -> bytes | None:
        """A whole file of log, padded with zeros where the log ends, or a history; None if the store has none."""
        if timeline := parse_history_name(name):
            known = (self._system, timeline) in self._book.log.histories
            return self._book.history(self._system, timeline) if known else None
        segment = parse_segment(name, self.size)
        content = self._content(segment) if segment else b""
        if segment and segment in segments_of(self._legs, segment.begin, segment.begin + 1, self.size):
            self._expect(segment, content)
        return content + bytes(self.size - len(content)) if content else None

    def is_whole(self, name: str) -> bool:
        """Whether the log is there up to the end of that file."""
        segment = parse_segment(name, self.size)
        cuts = cuts_of(segment, self._near(segment), self._legs) if segment else []
        return bool(segment and cuts and cuts[-1].end == segment.begin + segment.size)

    def records(self, begin: int, end: int) -> Iterator[Record]:
        """Those that begin at `begin` or after it and are whole before `end`."""
        start = begin - begin % PAGE
        found = read_records(self._bytes(start, end), start)
        return (record for record in found if record.start >= begin)

    def _bytes(self, start: int, end: int) -> Chunks:
        for segment in segments_of(self._legs, start, end, self.size):
            content = self._content(segment)
            yield content[max(start - segment.begin, 0) : end - segment.begin]

    def _content(self, segment: Segment) -> bytes:
        for attempt in range(_ATTEMPTS):
            cuts = cuts_of(segment, self._near(segment), self._legs)
            try:
                return b"".join(chain.from_iterable(map(self._read, cuts)))
            except NotFound as error:
                if attempt + 1 == _ATTEMPTS:
                    raise IntegrityError(
                        f"the log that {segment.name} is made of vanishes from the store again and again",
                        "look what else cleans up in there; restore from another copy",
                    ) from error
                self._book.relist()
        raise AssertionError("the last attempt returns or raises")

    def _expect(self, segment: Segment, content: bytes) -> None:
        reached, promised = segment.begin + len(content), min(segment.begin + segment.size, self._end)
        if reached < promised:
            raise IntegrityError(
                f"the log from {format_lsn(reached)} to {format_lsn(promised)} was in the store and is gone",
                "somebody removed it: restore from another copy",
            )

    def _near(self, segment: Segment) -> list[Span]:
        """Spans with bytes in it. A long log has many, so they are sorted once a listing."""
        log = self._book.log
        if self._indexed is None or self._indexed[0] is not log:
            by_number: dict[int, list[Span]] = {}
            for span in log.spans:
                if span.system == self._system:
                    for number in range(span.start // self.size, -(-span.end // self.size)):
                        by_number.setdefault(number, []).append(span)
            self._indexed = log, by_number
        return self._indexed[1].get(segment.number, [])

    def _read(self, cut: Cut) -> Chunks:
        yield b"".join(self._book.read(cut.span))[cut.begin - cut.span.start : cut.end - cut.span.start]
