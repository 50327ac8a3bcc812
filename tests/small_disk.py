"""A disk that is soon full, and what to do where nobody may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
