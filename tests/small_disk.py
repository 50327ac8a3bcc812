"""A disk that is soon full, and what to do where nobody may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[tuple[str, ...]]:
    """While the block lasts, `folder` holds no file bigger than `size`; for root it is a file system of that size.

    Gives the words that a command has to be started with.
    """
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0 or _mount(folder, size) != 0:
        yield "prlimit", f"--fsize={size}"
        return
    try:
        yield ()
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(folder: Path, size: int) -> int:
    return subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    ).returncode


class FullDisk:
    """For root a file system with no room left; for anybody else a process that may write no more."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self._ballast = folder / "ballast" if mounted else None

    def fill(self, process: int) -> None:
        if self._ballast is None:
            _limit(process, "4096")
            return
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self, process: int) -> None:
        if self._ballast is None:
            _limit(process, "unlimited")
        else:
            self._ballast.unlink()


@contextmanager
def filling_disk(folder: Path, size: int) -> Iterator[FullDisk]:
    """`folder` is on a disk of that size, which a test fills and frees under a process."""
    folder.mkdir(exist_ok=True)
    mounted = os.geteuid() == 0 and _mount(folder, size) == 0
    try:
        yield FullDisk(folder, mounted=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _limit(process: int, size: str) -> None:
    """The soft limit alone, which can be raised again."""
    subprocess.run(["prlimit", f"--pid={process}", f"--fsize={size}:"], check=True)
