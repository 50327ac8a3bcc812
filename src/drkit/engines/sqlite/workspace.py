"""The private folder that a temporary copy lives in, and that there is room for it.

It must not know what is kept inside.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from drkit.disk.private import private_folder
from drkit.errors import CaptureError

_PREFIX = "drkit-sqlite-"
_HINT = "Point TMPDIR, or `spool` of this source, at a folder on a bigger disk."


def parent_folder(spool: Path | None) -> Path:
    return spool if spool is not None else Path(tempfile.gettempdir())


@contextmanager
def workspace(spool: Path | None) -> Iterator[Path]:
    parent = parent_folder(spool)
    with ExitStack() as life:
        try:
            folder = life.enter_context(private_folder(parent, _PREFIX, _remove))
        except OSError as error:
            raise _unusable(parent, error) from error
        yield folder


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


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # another sweep may have been first
