"""A store that fails each operation some times before it lets it through, in the middle where there is a middle."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from drkit.errors import StoreUnavailable
from drkit.model import Entry
from drkit.ports import Chunks, Store


class FlakyStore:
    def __init__(self, store: Store, failures: int) -> None:
        self._store = store
        self._failures = failures
        self.failed: Counter[tuple[object, ...]] = Counter()

    def put(self, key: str, chunks: Chunks) -> None:
        self._store.put(key, chunks)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        for chunk in self._store.get(key, start, end):
            yield chunk[:1000]
            self._fail("get", key)
            yield chunk[1000:]

    def list(self, prefix: str = "") -> Iterator[Entry]:
        self._fail("list", prefix)
        for number, entry in enumerate(self._store.list(prefix)):
            yield entry
            if number == 1:
                self._fail("list on", prefix)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._store.delete([key])
            self._fail("delete")

    def sweep(self, before: datetime) -> int:
        return self._store.sweep(before)

    def _fail(self, *operation: object) -> None:
        if self.failed[operation] < self._failures:
            self.failed[operation] += 1
            raise StoreUnavailable(f"{operation} failed.")
