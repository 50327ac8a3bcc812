"""The file beside a target that bytes are restored into, which by its name is never mistaken for the target.

One live process owns it, by a lock; what a killed restore left is replaced. It must not know what a database is.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drkit.errors import IntegrityError, NotRestorable
from drkit.model import Piece
from drkit.ports import Chunks

SUFFIX = ".drkit-partial"
_WRITE_BACK = 64 << 20


@dataclass(frozen=True, slots=True)
class Partial:
    path: Path
    descriptor: int


@contextmanager
def partial_beside(target: Path) -> Iterator[Partial]:
    """Gone at the end, come what may; a hard link that was made of it in the meantime stays."""
    path = target.with_name(target.name + SUFFIX)
    with writing(target):
        descriptor = _claim(path, target)
    try:
        yield Partial(path, descriptor)
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """The file system's errors stop here and name the target."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise NotRestorable(
            f"{target} could not be written: {error.strerror}",
            hint="Free some room there, or choose another target." if full else "",
        ) from error


def require_room(target: Path, needed: int) -> None:
    with writing(target):
        free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise NotRestorable(
            f"There is no room for {target}: it takes {needed} bytes and {target.parent} has {free}",
            hint="Free some room there, or choose another target.",
        )


def fill(partial: Partial, chunks: Chunks, piece: Piece, target: Path) -> None:
    """Write all of `chunks`, which must be as long as the piece was when it was captured."""
    written = started = 0
    for chunk in chunks:
        written += len(chunk)
        if written > piece.plain_bytes:
            raise IntegrityError(f"{piece.key} holds more than the {piece.plain_bytes} bytes that were captured")
        with writing(target):
            _write(partial.descriptor, chunk)
            if written - started >= _WRITE_BACK:
                # Linux starts to write the range back, so that the fsync before publishing finds little left to do.
                os.posix_fadvise(partial.descriptor, started, written - started, os.POSIX_FADV_DONTNEED)
                started = written
    if written < piece.plain_bytes:
        raise IntegrityError(f"{piece.key} holds {written} bytes of the {piece.plain_bytes} that were captured")


def _write(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _claim(path: Path, target: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            ours = True
        except FileExistsError:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            ours = False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise NotRestorable(
                f"Another restore to {target} is under way", hint="Wait for its end, or choose another target."
            ) from None
        if _is_at(descriptor, path):
            if ours:
                return descriptor
            # Never written into: a restore killed right after publishing has left a second name of the target itself.
            path.unlink()
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
