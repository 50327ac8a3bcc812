"""Portions on their way to the store, several at once, by threads of its own: the one that listens to the server must
never wait for a store.

A store that fails is tried again until it works: nothing is given up, and nothing is reported that is not stored.
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread

from drkit.catalog import NOTHING_KNOWN
from drkit.errors import StoreError
from drkit.follow.cutting import Portion

_WORKERS = 2
_BUDGET = 32 << 20
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0


@dataclass
class _Task:
    portion: Portion
    done: bool = False


class Shipping:
    """`put` stores one portion, and `clear` is called after each. `stored` is how far everything that was given, in the
    order of giving, is in the store. Threads that hang in a store do not outlive the process: they are daemons."""

    def __init__(self, put: Callable[[Portion], None], clear: Callable[[], None], stored: int) -> None:
        self._put, self._clear = put, clear
        self.covered_until = NOTHING_KNOWN
        self._changed = Condition()
        self._tasks: deque[_Task] = deque()  # in the order of giving; taken off from the left once done
        self._waiting: deque[_Task] = deque()
        self._bytes = 0
        self._over = False
        self._stored = stored
        self._trouble: StoreError | None = None
        self._bug: BaseException | None = None
        self.wake, self._bell = os.pipe()
        for end in (self.wake, self._bell):
            os.set_blocking(end, False)
        self._threads = [Thread(target=self._work, name="shipping", daemon=True) for _ in range(_WORKERS)]
        for thread in self._threads:
            thread.start()

    def give(self, portion: Portion) -> None:
        with self._changed:
            task = _Task(portion)
            self._tasks.append(task)
            self._waiting.append(task)
            self._bytes += len(portion.data)
            self._changed.notify_all()

    @property
    def room(self) -> bool:
        with self._changed:
            return self._bytes < _BUDGET

    @property
    def idle(self) -> bool:
        with self._changed:
            return not self._tasks

    @property
    def stored(self) -> int:
        """Raises what a thread died of."""
        with self._changed:
            if self._bug:
                raise self._bug
            return self._stored

    def take_trouble(self) -> StoreError | None:
        """What the store said last, once."""
        with self._changed:
            trouble, self._trouble = self._trouble, None
            return trouble

    def quiet(self) -> None:
        """The bell has been heard."""
        with suppress(BlockingIOError):
            os.read(self.wake, 4096)

    def wait_for_room(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < _BUDGET or self._bug, seconds)

    def wait(self, seconds: float) -> bool:
        """Until all is stored: whether it is."""
        with self._changed:
            self._changed.wait_for(lambda: not self._tasks or self._bug, seconds)
            return not self._tasks and not self._bug

    def close(self) -> None:
        """What is not stored yet is dropped: the server still has it."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
            for end in (self.wake, self._bell):
                os.close(end)

    def _work(self) -> None:
        while self._ship_next():  # in a frame of its own, or what was shipped last would be held until the next comes
            self._clear()

    def _ship_next(self) -> bool:
        """Whether there was one, and it is stored."""
        if (task := self._next()) is None:
            return False
        wait = _FIRST_WAIT
        while not self._try(task):
            with self._changed:
                if self._changed.wait_for(lambda: self._over, wait):
                    return False
            wait = min(2 * wait, _LONGEST_WAIT)
        return True

    def _next(self) -> _Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            return None if self._over else self._waiting.popleft()

    def _try(self, task: _Task) -> bool:
        try:
            self._put(task.portion)
        except StoreError as error:
            with self._changed:
                self._trouble = error
            self._ring()
            return False
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that waits
            with self._changed:
                self._bug = error
        with self._changed:
            task.done = True
            self._bytes -= len(task.portion.data)
            while self._tasks and self._tasks[0].done and not self._bug:
                span = self._tasks.popleft().portion.span
                self._stored = max(self._stored, span.end)
                self.covered_until = max(self.covered_until, span.covered_until)
            self._changed.notify_all()
        self._ring()
        return True

    def _ring(self) -> None:
        with self._changed, suppress(BlockingIOError):  # it may ring already
            if not self._over:
                os.write(self._bell, b"!")
