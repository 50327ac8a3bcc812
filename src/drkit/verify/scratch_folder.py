"""A private folder for what a drill restores, removed in every case, with room checked before.

It is locked for as long as its process lives, so the folders of the dead are known, and swept by the next run with the
servers that still run in them. It must not know what is kept inside.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drkit.engines.files.removal import remove_tree
from drkit.errors import NotRestorable
from drkit.verify.scratch_processes import end_servers

DATA = "data"
_PREFIX = "drkit-scratch-"
_HINT = "point TMPDIR, or the folder for scratch copies, at a bigger disk"
_ATTEMPTS = 100


@contextmanager
def scratch_folder(parent: Path | None, needed: int = 0) -> Iterator[Path]:
    """Mode 0700. Without `parent` it lies where TMPDIR says."""
    place = (parent if parent is not None else Path(tempfile.gettempdir())).resolve()
    try:
        _sweep(place)
        _require_room(place, needed)
        folder, lock = _locked_folder(place)
    except OSError as error:
        raise NotRestorable(
            f"{place} cannot hold a scratch copy: {error.strerror}", "set TMPDIR to a folder that can"
        ) from error
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def _require_room(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free
    if needed > free:
        raise NotRestorable(
            f"there is no room for a scratch copy: it takes {needed} bytes and {place} has {free}", _HINT
        )


def _locked_folder(place: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another run's sweep came between
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # or came here
            return folder, lock
        os.close(lock)


def _sweep(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # somebody else's, or gone by now
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(lock)


def _remove(folder: Path) -> None:
    """The last processes of a server that was killed may still write while its folder goes."""
    end_servers(folder / DATA)
    for _ in range(_ATTEMPTS):
        try:
            remove_tree(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise
        else:
            return
    raise NotRestorable(
        f"{folder} holds restored data and cannot be removed: something writes to it all the time",
        f"end what uses it (`fuser -v {folder}/{DATA}`) and remove it",
    )
