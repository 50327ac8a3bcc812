"""A cap on bytes a second, shared by all streams that pass through it. It must not know what flows."""

import time
from threading import Lock

from drkit.ports import Chunks

_PARTS_A_SECOND = 8  # so that nobody who wants to stop waits long


class Throttle:
    """`rate` is in bytes a second; None lets everything pass at once."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._lock = Lock()
        self._free_at = 0.0

    def slow(self, chunks: Chunks) -> Chunks:
        if self._rate is None:
            yield from chunks
            return
        size = max(1, self._rate // _PARTS_A_SECOND)
        for chunk in chunks:
            for start in range(0, len(chunk), size):
                part = chunk[start : start + size]
                time.sleep(self._wait(len(part), self._rate))
                yield part

    def _wait(self, size: int, rate: int) -> float:
        with self._lock:
            wait, self._free_at = book(self._free_at, time.monotonic(), size, rate)
        return wait


def book(free_at: float, now: float, size: int, rate: int) -> tuple[float, float]:
    """How long these bytes wait, until those before them have had their time; and when they will have had theirs."""
    begins_at = max(now, free_at)
    return begins_at - now, begins_at + size / rate
