"""Give a finished file its name without ever overwriting one, and move what stood there aside, whole.

It must not know how the file was made.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import apsw

from drkit.engines.sqlite.locks import Patience, exclusive_lock
from drkit.engines.sqlite.partial import Partial, writing
from drkit.engines.sqlite.source import beside
from drkit.errors import NotRestorable

_COMPANIONS = ("-wal", "-journal", "-shm")  # SQLite reads them together with the file, so they travel with it


def standing(target: Path) -> list[Path]:
    """What is there under the target's name. A log or a journal without its database counts: SQLite would apply it
    to whatever comes to stand there."""
    return [path for suffix in ("", *_COMPANIONS) if os.path.lexists(path := beside(target, suffix))]


def publish(partial: Partial, target: Path) -> None:
    with writing(target):
        if taken := standing(target):
            raise _came_into_being(taken[0])
        _link(partial.path, target)


def exchange(partial: Partial, target: Path, patience: Patience, now: datetime) -> Path:
    """Put the new file in the place of the old, which is kept, with its log and journal, under the returned name.

    If that fails, the old stands again. A crash leaves the old complete under one of the two names."""
    kept = beside(target, f".before-{now:%Y%m%dT%H%M%S.%fZ}")
    with alone(target, patience), writing(target), ExitStack() as undo:
        _inherit(partial, target)
        moved: list[tuple[Path, Path]] = []
        undo.callback(_put_back, target, moved)
        for old in standing(target):
            new = beside(kept, old.name.removeprefix(target.name))
            _link(old, new)
            moved.append((old, new))
        # The database loses its name first: a free name is safe, a database that lost its log is not.
        for old, _ in moved:
            old.unlink()
        _link(partial.path, target)
        undo.pop_all()
    return kept


@contextmanager
def alone(target: Path, patience: Patience) -> Iterator[None]:
    """Nobody reads or writes what stands at the target, nor has it open in WAL mode."""
    with ExitStack() as stack:
        if target.exists():
            try:
                stack.enter_context(exclusive_lock(target, patience))
            except apsw.Error as error:
                raise NotRestorable(
                    f"{target} is in use by another process since {patience.since} or longer",
                    hint=f"Stop what uses it (`fuser -v {target}`) and run the restore again.",
                ) from error
        yield


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_back(target: Path, moved: list[tuple[Path, Path]]) -> None:
    kept = dict(moved).get(target)
    if os.path.lexists(target) and not (kept and target.samefile(kept)):
        return  # somebody made it anew: the old one's log must not come to lie beside it
    for old, new in reversed(moved):
        if not os.path.lexists(old):
            os.link(new, old)
    for _, new in moved:
        new.unlink()


def _inherit(partial: Partial, target: Path) -> None:
    if target.exists():
        old = target.stat()
        os.fchmod(partial.descriptor, stat.S_IMODE(old.st_mode))
        if os.geteuid() == 0:
            os.fchown(partial.descriptor, old.st_uid, old.st_gid)


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        raise _came_into_being(new) from None
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise NotRestorable(
                f"{new} cannot be made: its file system refuses hard links",
                hint="Restore onto another file system and copy the file from there.",
            ) from error
        raise


def _came_into_being(path: Path) -> NotRestorable:
    return NotRestorable(
        f"{path} came into being while the restore was running",
        hint="It was left as it is, and an old database that was already moved aside is beside it, named .before-TIME.",
    )
