"""What a follower says of itself now and then: how far behind the store is, and how long the server puts up with it.

It looks at the server by a thread of its own, as that may take a while.
"""

import time
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread
from types import TracebackType

from drkit.errors import DrkitError, StoreError
from drkit.follow.voice import Voice
from drkit.lsn import format_lsn
from drkit.ports import Heard, ServerLog
from drkit.when import format_moment

_TELL_EVERY, _LOOK_EVERY, _WARN_EVERY = 30.0, 30.0, 30.0


class Watch:
    def __init__(self, source: str, log: ServerLog, voice: Voice) -> None:
        self._source, self._log, self._voice = source, log, voice
        self._over = Event()
        self._room: tuple[int, int] | None = None
        self._last: Heard | None = None
        self._told = time.monotonic()
        self._warned = self._alarmed = -_WARN_EVERY

    def __enter__(self) -> "Watch":
        Thread(target=self._look, name="watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def hear(self, heard: Heard) -> None:
        self._last = heard

    def tell(self, stored: int, covered_until: datetime, trouble: StoreError | None) -> None:
        now = time.monotonic()
        if trouble and now - self._warned >= _WARN_EVERY:
            self._warned = now
            what = f"{self._source}: the store takes no log, which waits at the server: {trouble}"
            self._voice.warn(what, hint=trouble.hint, **self._numbers(stored, covered_until))
        if self._room and 2 * self._room[0] < self._room[1] and now - self._alarmed >= _WARN_EVERY:
            self._alarmed = now
            self._voice.warn(
                f"{self._source}: the server gives up the log that it keeps for drkit after"
                f" {self._room[0] / 1e6:,.0f} MB more",
                hint="see why the store takes so little, or raise max_slot_wal_keep_size while its disk has room",
                **self._numbers(stored, covered_until),
            )
        if now - self._told >= _TELL_EVERY:
            self._told = now
            self._voice.note(f"{self._source}: following", **self._numbers(stored, covered_until))

    def _numbers(self, stored: int, covered_until: datetime) -> dict[str, object]:
        last = self._last
        return {
            "position": format_lsn(stored),
            "covered_until": format_moment(covered_until),
            "lag_seconds": round((last.said_at - covered_until).total_seconds(), 3) if last else None,
            "lag_bytes": max(0, last.server_end - stored) if last else None,
            "slot_safe_bytes": self._room[0] if self._room else None,
        }

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            with suppress(DrkitError):  # the line itself tells of a server that does not answer
                self._room = self._log.room()
