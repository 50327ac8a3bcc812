"""How a follower is heard, and how it is told to stop."""

import time
from typing import Protocol

_SLICE = 0.1


class Voice(Protocol):
    def note(self, message: str, **fields: object) -> None: ...
    def warn(self, message: str, **fields: object) -> None: ...


class Stop:
    """`ask` may be called by a handler of signals: it takes no lock."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        self.asked = True

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(_SLICE)
