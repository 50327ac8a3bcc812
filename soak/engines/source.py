"""What every source of a soak has: an application that commits, and how what was restored of it is read."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ledger import Ledger


class Application(Protocol):
    ledger: Ledger

    def commit(self) -> None:
        """The ledger's next one. Returns once it is durable, however long that takes."""


class Source(Protocol):
    """`lines` are those of its table in the schedule, `words` what `drkit restore` wants besides. `spread` says that a
    capture is of no one moment."""

    name: str
    lines: str
    words: Sequence[str]
    spread: bool
    application: Application

    def target(self, label: str) -> str:
        """Where to restore to: something new."""

    def stands(self, target: str) -> bool:
        """Whether anything is there that can be judged, under its final name."""

    def judge(self, target: str, since: float, until: float) -> int:
        """How many commits were restored: a whole state of between these moments, or it is Wrong."""

    def discard(self, target: str) -> None: ...


class OnDisk:
    """What is restored to a file or a folder of its own."""

    suffix = ""
    words: Sequence[str] = ()

    def __init__(self, restored: Path) -> None:
        self._restored = restored

    def target(self, label: str) -> str:
        return str(self._restored / f"{label}{self.suffix}")

    def stands(self, target: str) -> bool:
        return Path(target).exists()

    def discard(self, target: str) -> None:
        for path in self._restored.glob(f"{Path(target).name}*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
