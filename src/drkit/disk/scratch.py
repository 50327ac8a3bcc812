"""A private folder for what a drill restores: room is checked before, and it is removed in every case, also by the run
after one that died, with the servers that still run in it. It must not know what is kept inside.
"""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from drkit.disk.private import private_folder
from drkit.disk.processes import end_commands, end_servers
from drkit.disk.removal import remove_tree
from drkit.errors import NotRestorable

DATA = "data"
_PREFIX = "drkit-scratch-"
_HINT = "let `scratch` in the schedule, or TMPDIR, name a folder on a bigger disk"
_ATTEMPTS = 100


@contextmanager
def scratch_folder(parent: Path | None, needed: int = 0) -> Iterator[Path]:
    """Mode 0700. Without `parent` it lies where TMPDIR says."""
    place = (parent if parent is not None else Path(tempfile.gettempdir())).resolve()
    with ExitStack() as life:
        try:
            folder = life.enter_context(private_folder(place, _PREFIX, _remove))
            _require_room(place, needed)
        except OSError as error:
            raise NotRestorable(
                f"{place} cannot hold a scratch copy: {error.strerror}",
                "let `scratch` in the schedule, or TMPDIR, name a folder that can",
            ) from error
        yield folder


def _require_room(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free
    if needed > free:
        raise NotRestorable(
            f"there is no room for a scratch copy: it takes {needed} bytes and {place} has {free}", _HINT
        )


def _remove(folder: Path) -> None:
    """The last processes of a server that was killed may still write while its folder goes."""
    end_commands(folder.name)
    end_servers(folder / DATA)
    for _ in range(_ATTEMPTS):
        try:
            remove_tree(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise NotRestorable(
                    f"{folder} holds restored data and cannot be removed: {error.strerror}",
                    "see what stands in there, such as a mounted disk, and remove it",
                ) from error
        else:
            return
    raise NotRestorable(
        f"{folder} holds restored data and cannot be removed: something writes to it all the time",
        f"end what uses it (`fuser -v {folder}/{DATA}`) and remove it",
    )
