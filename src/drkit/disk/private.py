"""A private folder for something temporary, locked for as long as its process lives.

So the folders of the dead are known, whichever container or namespace they died in, and the next run sweeps them.
It must not know what is kept inside.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Remove = Callable[[Path], None]


@contextmanager
def private_folder(parent: Path, prefix: str, remove: Remove) -> Iterator[Path]:
    """Mode 0700. What the parent refuses is the system's own OSError, and comes before the block is entered."""
    _sweep(parent, prefix, remove)
    folder, lock = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        try:
            remove(folder)
        finally:
            os.close(lock)


def _locked_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another run's sweep came between
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # or came here
            return folder, lock
        os.close(lock)


def _sweep(parent: Path, prefix: str, remove: Remove) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # somebody else's, or gone by now
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(lock)
