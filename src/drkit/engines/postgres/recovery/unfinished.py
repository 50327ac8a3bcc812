"""The folder that a restore of a whole server fills, beside its target, and whose it is.

A lock tells a restore at work from one that was killed: the next run replaces what that one left.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drkit.disk.removal import remove_tree
from drkit.errors import UsageError

PARTIAL, SPACES, DATA = ".drkit-partial", ".tablespaces", "data"


def partial_of(target: Path) -> Path:
    return target.with_name(target.name + PARTIAL)


def spaces_of(target: Path) -> Path:
    return target.with_name(target.name + SPACES)


def is_left(target: Path) -> bool:
    """Whether something unfinished is there. The tablespaces beside it are its own then, as they were empty before it;
    once a target is published nothing of this kind is there any more."""
    return (partial_of(target) / DATA).is_dir()


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """A new folder, which is gone when the block ends, however it ends."""
    partial = partial_of(target)
    if os.path.lexists(partial):
        with _locked(partial):
            if is_left(target):
                remove_tree(spaces_of(target))
            remove_tree(partial)
    partial.mkdir(0o700)
    with _locked(partial):
        try:
            yield partial
        finally:
            remove_tree(partial)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The lock ends with its process."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{folder} is there and is no folder of drkit's: {error.strerror}", "remove it") from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"another restore is at work in {folder}", "wait for it, or name another target") from error
