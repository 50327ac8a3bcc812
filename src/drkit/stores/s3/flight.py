"""Parts on their way: a few at once, in threads of their own, and quickly stopped. It must not know what sending is."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import BinaryIO, TypeVar

from drkit.errors import StoreError
from drkit.stores.s3.parts import Part, parts_at_once

R = TypeVar("R")

_MOST_WORKERS = parts_at_once(1)
_STEP = 256 << 10


class Flight:
    """Once the flight is over, however it ends, nobody waits for a retry or a slow line any more."""

    def __init__(self) -> None:
        self._over = Event()

    def send(self, parts: Iterator[Part], send: Callable[[Part], R]) -> Iterator[R]:
        """What `send` returns for each part, in order. When this ends, no part is on its way."""
        in_flight: deque[Future[R]] = deque()
        with ThreadPoolExecutor(_MOST_WORKERS, "s3-part") as pool:
            try:
                for part in parts:
                    in_flight.append(pool.submit(send, part))
                    while len(in_flight) >= parts_at_once(part.number):
                        yield in_flight.popleft().result()
                while in_flight:
                    yield in_flight.popleft().result()
            finally:
                self._over.set()
                for future in in_flight:
                    future.cancel()

    def wait(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise StoreError("The upload was stopped.")

    def body(self, part: Part) -> "Body":
        return Body(part.body, self._over)


class Body:
    """A part's bytes from the beginning, as a file that breaks off when the flight is over."""

    def __init__(self, file: BinaryIO, over: Event) -> None:
        self._file = file
        self._over = over
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        """More than `size` where that is little: http.client asks for 16 KiB at a time and sends whatever it gets."""
        if self._over.is_set():
            raise StoreError("The upload was stopped.")
        return self._file.read(size if size < 0 else max(size, _STEP))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
