"""A cap on bytes a second, shared by all streams that pass through it. It must not know what flows."""

import time
from threading import Lock

from drkit.ports import Chunks


class Throttle:
    """`rate` is in bytes a second; None lets everything pass at once."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._lock = Lock()
        self._free_at = 0.0

    def slow(self, chunks: Chunks) -> Chunks:
        for chunk in chunks:
            if self._rate:
                time.sleep(self._debt(len(chunk), self._rate))
            yield chunk

    def _debt(self, size: int, rate: int) -> float:
        """How long to wait before these bytes are handed on: until those before them have had their time."""
        with self._lock:
            now = time.monotonic()
            begins_at = max(now, self._free_at)
            self._free_at = begins_at + size / rate
            return begins_at - now
