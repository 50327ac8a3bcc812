"""What every source of a soak has: an application that commits, and how what was restored of it is read."""

from collections.abc import Sequence
from typing import Protocol

from ledger import Ledger


class Application(Protocol):
    ledger: Ledger

    def commit(self) -> None:
        """The ledger's next one. Returns once it is durable, however long that takes."""


class Source(Protocol):
    """`lines` are those of its table in the schedule. `spread` says that a capture is of no one moment."""

    name: str
    lines: str
    spread: bool
    application: Application

    def target(self, label: str) -> str:
        """Where to restore to: something new."""

    def words(self) -> Sequence[str]:
        """What `drkit restore` wants besides."""

    def stands(self, target: str) -> bool:
        """Whether anything is there that can be judged, under its final name."""

    def judge(self, target: str, since: float, until: float) -> int:
        """How many commits were restored: a whole state of between these moments, or it is Wrong."""

    def discard(self, target: str) -> None: ...
