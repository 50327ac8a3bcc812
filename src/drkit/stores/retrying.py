"""Trying again: how often and how long to wait, in one place.

It must not know which store it tries, nor try what cannot be replayed: a whole put is never tried twice.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from drkit.errors import StoreUnavailable
from drkit.model import Entry
from drkit.ports import Chunks, Store

T = TypeVar("T")

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    attempts: int = 10
    first_delay: timedelta = timedelta(milliseconds=200)
    longest_delay: timedelta = timedelta(seconds=20)


def delays(policy: RetryPolicy) -> Iterator[float]:
    """Seconds to wait after each failed attempt but the last: doubling, bounded, and spread at random
    so that many clients do not come back at the same moment."""
    delay = policy.first_delay
    for _ in range(policy.attempts - 1):
        yield delay.total_seconds() * random.uniform(0.5, 1)  # noqa: S311 - spreads load, hides nothing
        delay = min(2 * delay, policy.longest_delay)


def keep_trying(work: Callable[[], T], policy: RetryPolicy, wait: Callable[[float], object] = time.sleep) -> T:
    """What `work` returns, after as many StoreUnavailable as the policy has patience for."""
    for delay in delays(policy):
        try:
            return work()
        except StoreUnavailable:
            wait(delay)
    return work()


class RetryingStore:
    """The same store, with patience. A get goes on where it was cut; a listing after the last key it gave.
    `put` and `sweep` pass through: a store that can replay the steps of those does so itself."""

    def __init__(self, store: Store, policy: RetryPolicy | None = None) -> None:
        self.inner = store
        self._policy = policy or RetryPolicy()

    def put(self, key: str, chunks: Chunks) -> None:
        self.inner.put(key, chunks)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        position = start
        waits = delays(self._policy)
        while True:
            try:
                for chunk in self.inner.get(key, position, end):
                    position += len(chunk)
                    waits = delays(self._policy)
                    yield chunk
            except StoreUnavailable as error:
                _wait_or_give_up(waits, error)
            else:
                return

    def list(self, prefix: str = "") -> Iterator[Entry]:
        last = ""
        waits = delays(self._policy)
        while True:
            try:
                for entry in self.inner.list(prefix):
                    if entry.key > last:
                        last = entry.key
                        waits = delays(self._policy)
                        yield entry
            except StoreUnavailable as error:
                _wait_or_give_up(waits, error)
            else:
                return

    def delete(self, keys: Iterable[str]) -> None:
        rest = iter(keys)
        while batch := list(islice(rest, _BATCH)):
            self._delete_batch(batch)

    def sweep(self, before: datetime) -> int:
        return self.inner.sweep(before)

    def _delete_batch(self, batch: Sequence[str]) -> None:
        keep_trying(lambda: self.inner.delete(batch), self._policy)


def _wait_or_give_up(waits: Iterator[float], error: StoreUnavailable) -> None:
    delay = next(waits, None)
    if delay is None:
        raise error
    time.sleep(delay)
