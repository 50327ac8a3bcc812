"""What a follower says of itself now and then: how far behind the store is, and how long the server puts up with it.

It looks at the server by a thread of its own, as that may take a while, and that thread raises the alarm, too.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread
from types import TracebackType

from drkit.errors import CaptureError, DrkitError, StoreError
from drkit.follow.relay import Relay
from drkit.follow.room import find_shortage
from drkit.follow.voice import Voice
from drkit.lsn import format_lsn
from drkit.ports import Heard, Regard, ServerLog
from drkit.when import format_moment

_TELL_EVERY, _LOOK_EVERY, _LOOK_AGAIN = 30.0, 30.0, 5.0
Alarm = Callable[[DrkitError | None], None]


class Watch:
    """`alarm` hears what is wrong for good if nobody helps, and None when nothing is; for those who see no log line."""

    def __init__(
        self, source: str, log: ServerLog, voice: Voice, alarm: Alarm, relays: Sequence[Relay], *, synchronous: bool
    ) -> None:
        self._source, self._log, self._voice, self._synchronous = source, log, voice, synchronous
        self._alarm = alarm
        self._relays = relays
        self._down: set[str] = set()
        self._shortage: CaptureError | None = None
        self._heard_of: bool | None = None  # whether the alarm is on, as far as we know
        self._stored = 0
        self._over = Event()
        self._regard: Regard | None = None
        self._last: Heard | None = None
        self._told = time.monotonic()
        self._warned: dict[str, float] = {}

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
        self._stored = stored
        numbers = self._numbers(stored, covered_until)
        if trouble:
            self._warn(f"the store takes no log, which waits at the server: {trouble}", trouble.hint, numbers)
        self._tell_of_replicas()
        if self._regard:
            self._tell_of_waiting(self._regard)
        if shortage := self._shortage:
            self._warn(str(shortage), shortage.hint, numbers)
        if time.monotonic() - self._told >= _TELL_EVERY:
            self._told = time.monotonic()
            self._voice.note(f"{self._source}: following", **numbers)

    def _tell_of_replicas(self) -> None:
        for relay in self._relays:
            if error := relay.failing:
                self._down.add(relay.name)
                what = f"the replica {relay.name} takes no log, which is in the store alone: {error}"
                self._warn(what, error.hint, {}, kind=relay.name)
            elif relay.name in self._down:
                self._down.remove(relay.name)
                self._voice.note(f"{self._source}: the replica {relay.name} takes log again")

    def _tell_of_waiting(self, regard: Regard) -> None:
        if self._synchronous and not regard.waits:
            what = "synchronous = true, and COMMIT does not wait for the store: the server does not count on drkit"
            self._warn(what, "`drkit check` shows the line that the server lacks", {})
        if regard.waits and not self._synchronous:
            what = "COMMIT waits for drkit, which stores log every log_interval only"
            self._warn(what, "say synchronous = true, or name other standbys in synchronous_standby_names", {})

    def _warn(self, what: str, hint: str, numbers: dict[str, object], kind: str = "") -> None:
        """Not more often than now and then, each by its kind or its first words."""
        now, kind = time.monotonic(), kind or what[:20]
        if now - self._warned.get(kind, -_TELL_EVERY) >= _TELL_EVERY:
            self._warned[kind] = now
            self._voice.warn(f"{self._source}: {what}", hint=hint, **numbers)

    def _numbers(self, stored: int, covered_until: datetime) -> dict[str, object]:
        last = self._last
        return {
            "position": format_lsn(stored),
            "covered_until": format_moment(covered_until),
            "lag_seconds": round((last.said_at - covered_until).total_seconds(), 3) if last else None,
            "lag_bytes": max(0, last.server_end - stored) if last else None,
            "slot_safe_bytes": self._regard.room if self._regard else None,
            **({"replica_lag_seconds": self._replica_lag()} if self._relays else {}),
        }

    def _replica_lag(self) -> float | None:
        """Of the one that is furthest behind; None where that is not known."""
        covered = [relay.covered_until for relay in self._relays]
        known = [moment for moment in covered if moment]
        if self._last is None or len(known) < len(covered):
            return None
        return round((self._last.said_at - min(known)).total_seconds(), 3)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_AGAIN if self._shortage else _LOOK_EVERY if self._regard else 1):
            with suppress(DrkitError):  # the line itself tells of a server that does not answer
                self._regard = self._log.regard()
                self._judge(self._regard)

    def _judge(self, regard: Regard) -> None:
        kept = self._last.server_end - self._stored if self._last else 0
        self._shortage = find_shortage(regard, kept, short=self._shortage is not None)
        if self._heard_of is not (short := self._shortage is not None):
            self._alarm(self._shortage)
            self._heard_of = short
