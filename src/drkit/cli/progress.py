"""Bytes done so far, their rate, and the time left where the total is known."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from drkit.cli.text import format_size

_BAR_EVERY = 0.1
LINE_EVERY = 10.0


class Meter:
    """Draws a bar on the terminal, or gives `tell` a line now and then where there is none."""

    def __init__(
        self, label: str, total: int | None, tell: Callable[..., None] | None, line_every: float = LINE_EVERY
    ) -> None:
        self._every = line_every if tell else _BAR_EVERY
        self._label, self._total, self._tell = label, total, tell
        self._started = self._shown = time.monotonic()
        self._done = 0
        self._lock = Lock()

    def add(self, size: int) -> None:
        with self._lock:  # pieces may flow in several threads
            self._add(size)

    def _add(self, size: int) -> None:
        self._done += size
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        rate = self._done / (now - self._started)
        if self._tell:
            self._tell(self._label, done_bytes=self._done, total_bytes=self._total, bytes_per_second=int(rate))
        else:
            self._draw(rate)

    def clear(self) -> None:
        if not self._tell:
            with suppress(OSError):
                sys.stderr.write("\r\x1b[K")

    def _draw(self, rate: float) -> None:
        """Of what is read twice, such as a dump for its list first, there may be more than the total: then no share."""
        total = self._total if self._total and self._done <= self._total else None
        share = f" {100 * self._done // total} %" if total else ""
        left = f", {(total - self._done) / rate:.0f} s left" if total and rate else ""
        with suppress(OSError):
            sys.stderr.write(f"\r\x1b[K{self._label}:{share} {format_size(self._done)}, {format_size(rate)}/s{left}")
            sys.stderr.flush()
