"""A store that locks what is put into it, as far as `lasts` says so of its key.

It must not know how a store locks, nor what the keys mean.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from drkit.errors import ConfigError
from drkit.model import Entry, Lock
from drkit.ports import Chunks, Clock, Decorator, Store, Versioned


class LockingStore:
    def __init__(self, inner: Store, lock: Lock, lasts: Callable[[str], bool], clock: Clock) -> None:
        self.inner = inner
        self._lock = lock
        self._lasts = lasts
        self._clock = clock
        self._locker = _find_locker(inner)

    def put(self, key: str, chunks: Chunks) -> None:
        if self._lasts(key):
            self._locker.put_locked(key, chunks, self._lock.mode, self._lock.until(self._clock()))
        else:
            self.inner.put(key, chunks)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        return self.inner.get(key, start, end)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return self.inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        self.inner.delete(keys)

    def sweep(self, before: datetime) -> int:
        return self.inner.sweep(before)


def _find_locker(store: Store) -> Versioned:
    """Without a request: whether the bucket can lock, the first put tells, and `drkit check` before it."""
    while isinstance(store, Decorator):
        store = store.inner
    if not isinstance(store, Versioned):
        raise ConfigError(
            "store.lock_days is set, and a folder cannot lock what lies in it",
            "keep the backups in a bucket with object lock, or take lock_days out and protect the folder otherwise",
        )
    return store
