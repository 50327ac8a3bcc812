"""From a folder that nobody may take for a restore yet to one that is whole: beside the target, then into its place.

Must not know what is in the folder.
"""

import ctypes
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from drkit.disk.folders import open_folder
from drkit.disk.removal import open_root, remove_tree
from drkit.errors import NotRestorable, UsageError

PARTIAL = ".drkit-partial"  # what a restore is called until it is whole; never captured


def check_place(target: Path, swap: bool) -> None:
    """Refuses what could not be restored to without overwriting something."""
    if target.name in ("", ".."):
        raise UsageError(f"{target} is no name for a new folder.", hint="Name the folder that the restore shall make.")
    try:
        _check_place(target, swap)
    except OSError as error:
        raise UsageError(
            f"{target} cannot be looked at: {error.strerror}.", hint="Restore as a user who may, or to another target."
        ) from error


def _check_place(target: Path, swap: bool) -> None:
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no folder.", hint="Make it first; the restore makes only what is in it.")
    if os.path.ismount(target):
        raise UsageError(
            f"{target} is a mount point, and a restore puts a finished folder into its place in one step.",
            hint="Name a new folder inside it.",
        )
    if not swap and _stands(target):
        raise UsageError(
            f"{target} exists and is not an empty folder.",
            hint="Name another target, or use --swap, which moves the old one aside and keeps it.",
        )


@contextmanager
def unfinished(target: Path) -> Iterator[tuple[Path, int]]:
    """A new folder beside the target, and a descriptor of it. What a killed restore left there is removed first;
    if the block ends without having moved the new one away, it is removed as well."""
    partial = target.with_name(target.name + PARTIAL)
    if partial.is_dir() and not partial.is_symlink():
        with _locked(partial):
            remove_tree(partial)
    else:
        partial.unlink(missing_ok=True)
    partial.mkdir(0o700)
    with _locked(partial) as fd:
        try:
            yield partial, fd
        except BaseException:
            with suppress(OSError):
                remove_tree(partial)
            raise


def publish(partial: Path, target: Path, swap: bool, now: datetime) -> Path | None:
    """Gives the name under which the old target was kept; if the new one cannot be put there, it is put back."""
    kept = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%S.%fZ}") if swap and _stands(target) else None
    if kept is not None:
        if os.path.lexists(kept):
            raise NotRestorable(f"{kept} exists already.", hint="Move it away, or restore again a second later.")
        target.rename(kept)
    try:
        partial.rename(target)
    except BaseException:
        if kept is not None and not os.path.lexists(target):
            kept.rename(target)
        raise
    parent = open_folder(target.parent.resolve())
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
    return kept


def flush(folder: int) -> None:
    """Returns when all that was written to the folder's disk is safe there: one call for any number of files."""
    if ctypes.CDLL(None, use_errno=True).syncfs(folder) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _stands(target: Path) -> bool:
    """Whether something is there that a rename must not replace."""
    if target.is_symlink() or not target.is_dir():
        return os.path.lexists(target)
    return any(target.iterdir())


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The lock ends with its process, so one that is taken means a restore at work."""
    fd = open_root(folder)
    try:
        _lock(fd, folder)
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int, folder: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            f"Another restore is at work in {folder}.", hint="Wait for it, or name another target."
        ) from error
