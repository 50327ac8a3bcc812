"""Log on its way from the store to one replica, by a thread of its own: neither the server nor the store ever waits for
it, and what it cannot do now it does later.

It must not know what a replica is, nor how anything is copied: its `Passage` does.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from threading import Condition, Thread
from typing import Protocol

from drkit.catalog import Span, superseded
from drkit.errors import DrkitError, StoreError

_BATCH = 64  # of what is missing: what comes in meanwhile does not wait for all of it
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0
_LAST_ROUND = 3.0  # how long one that is told to stop may take for what it knows already


class Passage(Protocol):
    """`find_missing` gives the keys that are to be copied, in that order, and how far the log goes with them. What is
    copied already, or is not in the store any more, is no error."""

    def find_missing(self) -> tuple[Sequence[str], datetime | None]: ...
    def copy_keys(self, keys: Sequence[str]) -> None: ...
    def copy_spans(self, spans: Iterable[Span]) -> None: ...


class Relay:
    """`tell` is how it hears of what the store has got. A replica that fails is compared with the store anew once it
    answers again, so nothing is remembered for it meanwhile. `covered_until` is None as long as something is missing.
    """

    def __init__(self, name: str, passage: Passage, every: timedelta) -> None:
        self.name = name
        self.covered_until: datetime | None = None
        self.failing: DrkitError | None = None
        self._passage, self._every = passage, every.total_seconds()
        self._changed = Condition()
        self._told: list[Span] = []
        self._backlog: deque[str] = deque()
        self._goal: datetime | None = None
        self._compare = True
        self._over = False
        self._thread: Thread | None = None

    def begin(self) -> None:
        """Also anew: somebody else may have stored log since."""
        with self._changed:
            self._compare = True
        if self._thread is None:
            self._thread = Thread(target=self._work, name="relay", daemon=True)
            self._thread.start()

    def tell(self, span: Span) -> None:
        with self._changed:
            if not self._compare:  # or it is found in the store soon
                self._told.append(span)

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def join(self) -> None:
        """A thread that hangs in a store does not outlive the process."""
        if self._thread:
            self._thread.join(_LAST_ROUND)

    def _work(self) -> None:
        wait, after_failure = 0.0, _FIRST_WAIT
        while self._rest(wait):
            if self._try():
                wait, after_failure = 0.0 if self._backlog else self._every, _FIRST_WAIT
            else:
                wait, after_failure = after_failure, min(2 * after_failure, _LONGEST_WAIT)
        if self.failing is None and not self._backlog:
            self._try()

    def _rest(self, seconds: float) -> bool:
        with self._changed:
            return not self._changed.wait_for(lambda: self._over, seconds)

    def _try(self) -> bool:
        try:
            self._go_round()
        except DrkitError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the log goes on into the store
            self._fail(StoreError(f"it was not copied: {error!r}", "this is a bug: please report it"))
        else:
            self.failing = None
            return True
        return False

    def _fail(self, error: DrkitError) -> None:
        with self._changed:
            self.failing, self.covered_until = error, None
            self._told, self._compare = [], True

    def _go_round(self) -> None:
        """What came in since the last one; of what was merged meanwhile only the whole."""
        with self._changed:
            told, self._told = self._told, []
            compare, self._compare = self._compare, False
        if compare:
            keys, self._goal = self._passage.find_missing()
            self._backlog = deque(keys)
        merged = {span for span, _ in superseded(told)}
        self._passage.copy_spans(span for span in told if span not in merged)
        self._passage.copy_keys([self._backlog.popleft() for _ in range(min(_BATCH, len(self._backlog)))])
        moments = [self._goal, self.covered_until, *(span.covered_until for span in told)]
        self._goal = max((moment for moment in moments if moment), default=None)
        self.covered_until = None if self._backlog else self._goal
