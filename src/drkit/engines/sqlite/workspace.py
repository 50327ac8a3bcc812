"""The private folder that a temporary copy lives in, and that there is room for it.

A folder is locked for as long as its process lives, so the folders of the dead are known and swept by the next run,
whichever container or namespace they died in. It must not know what is kept inside.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drkit.errors import CaptureError

_PREFIX = "drkit-sqlite-"
_HINT = "Point TMPDIR, or `spool` of this source, at a folder on a bigger disk."


def parent_folder(spool: Path | None) -> Path:
    return spool if spool is not None else Path(tempfile.gettempdir())


@contextmanager
def workspace(spool: Path | None) -> Iterator[Path]:
    parent = parent_folder(spool)
    try:
        _sweep(parent)
        folder, lock = _locked_folder(parent)
    except OSError as error:
        raise _unusable(parent, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(lock)


def require_room(folder: Path, needed: int, source: Path) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unusable(folder, error) from error
    if needed > free:
        raise CaptureError(
            f"There is no room for a temporary copy of {source}: it takes {needed} bytes and {folder} has {free}",
            hint=_HINT,
        )


def copy_failed(source: Path, folder: Path, reason: str) -> CaptureError:
    return CaptureError(f"{source} could not be copied into {folder}: {reason}", hint=_HINT)


def _unusable(folder: Path, error: OSError) -> CaptureError:
    return CaptureError(
        f"{folder} cannot hold a temporary copy: {error.strerror}", hint="Set TMPDIR or `spool` to a folder that can."
    )


def _locked_folder(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another run's sweep came between
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # or came here
            return folder, lock
        os.close(lock)


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # somebody else's, or gone by now
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)  # another sweep may have been first
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(lock)
