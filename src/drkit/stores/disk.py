"""What a folder store asks of the disk: bytes and names that last, and what went wrong in plain words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drkit.errors import StoreError
from drkit.ports import Chunks

_HINTS = {
    errno.ENOSPC: "Free some room on that disk, or give the store a bigger one; nothing half-written was left behind.",
    errno.EDQUOT: "Raise the quota of this user, or free some room; nothing half-written was left behind.",
    errno.EFBIG: "Raise the limit on file sizes (ulimit -f), or use a file system that takes bigger files.",
    errno.EACCES: "Let the user that runs drkit read and write in the store's folder.",
    errno.EPERM: "Use a file system that has hard links and give the user that runs drkit the right to make them.",
    errno.EROFS: "Mount the disk for writing.",
    errno.ENOTDIR: "In a folder one key cannot be the beginning of another; choose another name.",
}


@contextmanager
def refused(key: str) -> Iterator[None]:
    """The disk's errors in our words."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StoreError(
            f"The disk refused {key}: {reason}.",
            hint=_HINTS.get(error.errno or 0, "Look at the disk and at the system's log."),
        ) from error


def write_and_sync(path: Path, chunks: Chunks, key: str) -> None:
    """A new file with these bytes, on the disk when this returns. An error of `chunks` passes through as it is."""
    with refused(key):
        make_folder(path.parent)
        path.touch(0o600, exist_ok=False)
        file = path.open("wb", buffering=0)
    with file:
        for chunk in chunks:
            with refused(key):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) :]
        with refused(key):
            os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """The folder and those above it; what was made is there after a power cut too."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    except FileNotFoundError:
        make_folder(folder)
    else:
        with suppress(FileNotFoundError):  # a delete took both away again, and who needs them makes them anew
            sync_folder(folder.parent)


def remove_empty(folder: Path, root: Path) -> Path:
    """Remove the folder and those above it as far as they are empty; the first one that stays."""
    while folder != root:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            break
        folder = folder.parent
    return folder


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
