"""A store that lives as long as the process. It is a real one: it keeps every promise of the port but to last."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from threading import Lock

from drkit.errors import AlreadyExists, NotFound
from drkit.model import Entry
from drkit.ports import Chunks
from drkit.stores.keys import check_key

_CHUNK = 1 << 20


class MemoryStore:
    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._lock = Lock()

    def put(self, key: str, chunks: Chunks) -> None:
        check_key(key)
        if key in self._objects:
            raise AlreadyExists(f"{key} exists already.")
        body = b"".join(chunks)
        with self._lock:
            if key in self._objects:
                raise AlreadyExists(f"{key} exists already.")
            self._objects[key] = body, datetime.now(UTC)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise NotFound(f"There is no object {key}.")
        body = found[0]
        stop = len(body) if end is None else min(end, len(body))
        for position in range(start, stop, _CHUNK):
            yield body[position : min(position + _CHUNK, stop)]

    def list(self, prefix: str = "") -> Iterator[Entry]:
        with self._lock:
            entries = [Entry(key, len(body), at) for key, (body, at) in self._objects.items() if key.startswith(prefix)]
        yield from sorted(entries, key=lambda entry: entry.key)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            check_key(key)
            with self._lock:
                self._objects.pop(key, None)

    def sweep(self, before: datetime) -> int:  # noqa: ARG002 - an unfinished put leaves nothing in memory
        return 0
