"""A restore to a file: written beside its place, synced, and then given the name, which is never taken from another.

It must not know what is in the file.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drkit.errors import IntegrityError, NotRestorable, UsageError
from drkit.model import Piece
from drkit.ports import Chunks

PARTIAL = ".drkit-partial"


def check_place(target: Path) -> None:
    if target.name in ("", ".."):
        raise UsageError(f"{target} is no name for a file", "name the file to be made, such as ./dump.rdb")
    if not target.parent.is_dir():
        raise UsageError(f"the folder {target.parent} does not exist", f"make it with `mkdir -p {target.parent}`")
    if os.path.lexists(target):
        raise UsageError(f"{target} exists", "choose a new path, or a folder of its own for the new server")


def write_file(target: Path, piece: Piece, chunks: Chunks, look: Callable[[Chunks], None] = lambda _: None) -> None:
    """`look` may look at what is written, as far as it likes."""
    check_place(target)
    with _our_errors(target):
        free = shutil.disk_usage(target.parent).free
    if piece.plain_bytes > free:
        raise NotRestorable(
            f"there is no room for {target}: it takes {piece.plain_bytes} bytes and {target.parent} has {free}",
            "free some room there, or choose another target",
        )
    with _partial(target) as (path, file):
        written = _writing(file, _measured(chunks, piece), target)
        look(written)
        for _ in written:
            pass
        with _our_errors(target):
            os.fsync(file)
            _publish(path, target)


def _measured(chunks: Chunks, piece: Piece) -> Chunks:
    """As long as the piece was when it was captured, and no longer."""
    left = piece.plain_bytes
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise IntegrityError(f"{piece.key} does not hold the {piece.plain_bytes} bytes that were captured")


def _writing(file: int, chunks: Chunks, target: Path) -> Chunks:
    for chunk in chunks:
        with _our_errors(target):
            _write(file, chunk)
        yield chunk


def _write(file: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(file, rest) :]


def _publish(path: Path, target: Path) -> None:
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        raise NotRestorable(
            f"{target} came into being while the restore was running", "it was left as it is: choose another target"
        ) from None
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _partial(target: Path) -> Iterator[tuple[Path, int]]:
    """Gone at the end, come what may. What a killed restore left is replaced; a lock tells it from a living one's."""
    path = target.with_name(target.name + PARTIAL)
    with _our_errors(target):
        file = _claim(path, target)
    try:
        yield path, file
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _claim(path: Path, target: Path) -> int:
    while True:
        try:
            file, ours = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), True
        except FileExistsError:
            file, ours = os.open(path, os.O_RDWR | os.O_NOFOLLOW), False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise NotRestorable(
                f"another restore to {target} is under way", "wait for its end, or choose another target"
            ) from None
        if _is_at(file, path):
            if ours:
                return file
            path.unlink()  # never written into: it may be a second name of the target itself
        os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _our_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise NotRestorable(
            f"{target} cannot be written: {error.strerror}",
            "free some room there, or choose another target" if full else "see who may write in its folder",
        ) from error
