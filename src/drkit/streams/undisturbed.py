"""Steps that an interrupt may not cut in two, as the start of a child of which nobody would know then."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def undisturbed() -> Iterator[None]:
    """What interrupts the block is heard at its end. Other threads than the main one are never interrupted."""
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    # one that is ignored stays so: the children inherit that
    heard = [number for number in _INTERRUPTS if callable(signal.getsignal(number))]
    handlers = {number: signal.signal(number, note) for number in heard}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for each in came:
            signal.raise_signal(each)
