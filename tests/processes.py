"""The processes of this machine. Each may end at any moment, also while it is looked at: then it has no words, no
environment and no folder."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    group: int
    session: int

    @property
    def words(self) -> list[str]:
        """Its program and the arguments."""
        return self._list("cmdline")

    @property
    def environment(self) -> list[str]:
        return self._list("environ")

    def stands_in(self, folder: Path) -> bool:
        with suppress(OSError):
            return (self._place / "cwd").readlink().is_relative_to(folder)
        return False

    @property
    def _place(self) -> Path:
        return Path(f"/proc/{self.pid}")

    def _list(self, name: str) -> list[str]:
        with suppress(OSError):
            return (self._place / name).read_bytes().decode(errors="replace").split("\0")[:-1]
        return []


def living() -> Iterator[Process]:
    """All that run. A zombie holds nothing any more."""
    for place in Path("/proc").glob("[0-9]*"):
        if found := find_process(int(place.name)):
            yield found


def find_process(pid: int) -> Process | None:
    with suppress(OSError):
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else Process(pid, *map(int, numbers[:3]))
    return None


def session_of(leader: int) -> list[Process]:
    return [process for process in living() if process.session == leader]


def children_of(parent: int) -> list[Process]:
    return [process for process in living() if process.parent == parent]


def having(name: str, value: str) -> list[Process]:
    """Whoever has that in the environment, and so all that such a process has started, whoever their parents are."""
    return [process for process in living() if f"{name}={value}" in process.environment]


def kill(processes: Iterable[Process]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
