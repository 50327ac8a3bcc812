"""The candidates of a search: points as they were captured, or moments of a log a resolution apart. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import overload

from drkit.errors import UsageError
from drkit.model import Point
from drkit.restore.plan import Window
from drkit.when import format_length, misdated

FINEST = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Both included; None is open."""

    start: datetime | None
    end: datetime | None

    def hold(self, moment: datetime) -> bool:
        return (self.start is None or moment >= self.start) and (self.end is None or moment <= self.end)


def moments_of(points: Iterable[Point], bounds: Bounds, now: datetime) -> list[datetime]:
    """In order, each once. What nobody can date is left out, as a restore passes it over too."""
    moments = {point.consistent_at for point in points if not misdated(point, now)}
    return sorted(moment for moment in moments if bounds.hold(moment))


class Grid(Sequence[datetime]):
    """Moments of windows, from the start of each on, `resolution` apart, and its end. None of them is made before it is
    asked for."""

    def __init__(self, windows: Iterable[Window], bounds: Bounds, resolution: timedelta) -> None:
        if resolution < FINEST:
            raise UsageError(f"a resolution of {format_length(resolution)} is finer than clocks are", "write 1s, or 1m")
        self._resolution = resolution
        self._spans = list(_clip(windows, bounds))
        self._ends = list(accumulate(self._count(start, end) for start, end in self._spans))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> datetime: ...
    @overload
    def __getitem__(self, index: slice) -> list[datetime]: ...
    def __getitem__(self, index: int | slice) -> datetime | list[datetime]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index += len(self) if index < 0 else 0
        before = 0
        for (start, end), after in zip(self._spans, self._ends, strict=True):
            if before <= index < after:
                return min(start + (index - before) * self._resolution, end)
            before = after
        raise IndexError(index)

    def _count(self, start: datetime, end: datetime) -> int:
        return -((start - end) // self._resolution) + 1


def _clip(windows: Iterable[Window], bounds: Bounds) -> Iterator[tuple[datetime, datetime]]:
    for window in windows:
        start = max(window.start, bounds.start or window.start)
        end = min(window.end, bounds.end or window.end)
        if start <= end:
            yield start, end
