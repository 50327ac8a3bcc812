"""SQLite's own locks on a database file, and how long they are waited for.

The file is opened through SQLite alone: closing any other descriptor of it would drop this process's locks on it.
It must not know what is done under a lock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import apsw

from drkit.ports import Clock


class Patience:
    """How long somebody else's lock is waited for, counted from when this was made."""

    def __init__(self, timeout: timedelta, clock: Clock) -> None:
        self.since = clock().strftime("%Y-%m-%d %H:%M:%S UTC")
        self._until = time.monotonic() + timeout.total_seconds()

    def wait(self, _attempt: int = 0) -> bool:
        """Sleep for a moment and say True, or say False once the time is up. Serves SQLite as busy handler too."""
        if time.monotonic() >= self._until:
            return False
        time.sleep(0.005)
        return True


@contextmanager
def opened(path: Path, flags: int = apsw.SQLITE_OPEN_READONLY) -> Iterator[apsw.VFSFile]:
    file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_MAIN_DB | flags, 0])
    try:
        yield file
    finally:
        file.xClose()


@contextmanager
def shared_lock(path: Path, patience: Patience) -> Iterator[apsw.VFSFile]:
    """Others may read; nobody may write the file, roll it back, or be the last to close it."""
    with opened(path) as file:
        _lock(file, [apsw.SQLITE_LOCK_SHARED], patience)
        try:
            yield file
        finally:
            file.xUnlock(apsw.SQLITE_LOCK_NONE)


@contextmanager
def exclusive_lock(path: Path, patience: Patience) -> Iterator[None]:
    """Nobody reads or writes, and nobody has it open in WAL mode."""
    with opened(path, apsw.SQLITE_OPEN_READWRITE) as file:
        _lock(file, [apsw.SQLITE_LOCK_SHARED, apsw.SQLITE_LOCK_EXCLUSIVE], patience)
        try:
            yield
        finally:
            file.xUnlock(apsw.SQLITE_LOCK_NONE)


def _lock(file: apsw.VFSFile, levels: list[int], patience: Patience) -> None:
    while True:
        try:
            for level in levels:
                file.xLock(level)
        except apsw.BusyError:
            file.xUnlock(apsw.SQLITE_LOCK_NONE)
            if not patience.wait():
                raise
        else:
            return
