"""What lies at the path of a source, and how SQLite's complaints about it read in plain words.

It only looks. It must not know where a copy goes.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from drkit.engines.sqlite.locks import Patience, opened
from drkit.errors import CaptureError

_MAGIC = b"SQLite format 3\0"
_WAL_VERSION = 2  # bytes 18 and 19 of the header: https://sqlite.org/fileformat.html#file_format_version_numbers


@dataclass(frozen=True, slots=True)
class Source:
    """A regular file that is a SQLite database, or empty, which SQLite takes for a database without tables."""

    path: Path
    device: int
    inode: int
    size: int
    wal_mode: bool

    @property
    def journal(self) -> Path:
        return beside(self.path, "-journal")

    @property
    def wal(self) -> Path:
        return beside(self.path, "-wal")

    @property
    def at_rest(self) -> bool:
        """It has a log, or would get one, and no process has it open: whoever opens it makes the -shm file first."""
        return (self.wal_mode or self.wal.exists()) and not beside(self.path, "-shm").exists()

    @property
    def needed(self) -> int:
        """Enough for the copy, what has to be recovered into it, and what it grows by when that is done."""
        return self.size + 2 * sum(size_of(path) for path in (self.journal, self.wal))

    def still_there(self) -> bool:
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_dev, now.st_ino) == (self.device, self.inode)


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def read_only(path: Path, *, frozen: bool = False) -> apsw.Connection:
    """`frozen` takes no locks and makes no files, and is for a file that nobody can change any more."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return apsw.Connection(path.absolute().as_uri() + ("?immutable=1" if frozen else ""), flags=flags)


def look_at(path: Path) -> Source:
    try:
        found = path.stat()
        real = path.resolve()
    except FileNotFoundError:
        raise CaptureError(f"{path} does not exist", hint="Check `path` of this source.") from None
    except OSError as error:
        raise CaptureError(f"{path} cannot be reached: {error.strerror}", hint=_rights(path)) from error
    if stat.S_ISDIR(found.st_mode):
        raise CaptureError(f"{path} is a folder, not a SQLite database", hint='Name the file, or use kind = "files".')
    if not stat.S_ISREG(found.st_mode):
        raise CaptureError(f"{path} is not a regular file", hint="Check `path` of this source.")
    if not os.access(real, os.R_OK, effective_ids=True):
        raise CaptureError(f"{path} may not be read by this user", hint=_rights(path))
    with reading(path), opened(real) as file:
        header = file.xRead(20, 0)
    if header and not header.startswith(_MAGIC):
        raise _not_a_database(path)
    return Source(real, found.st_dev, found.st_ino, found.st_size, _WAL_VERSION in header[18:20])


@contextmanager
def reading(path: Path, patience: Patience | None = None) -> Iterator[None]:
    """SQLite's errors stop here and name the source."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError, apsw.ProtocolError) as error:
        since = f" since {patience.since} or longer" if patience else ""
        raise CaptureError(
            f"{path} is locked by another process{since}",
            hint=f"See who holds it with `fuser -v {path}`, or wait longer with lock_timeout.",
        ) from error
    except apsw.NotADBError as error:
        raise _not_a_database(path) from error
    except apsw.CorruptError as error:
        raise damaged(path, [str(error)]) from error
    except apsw.IOError as error:
        code = apsw.mapping_extended_result_codes[extended_result(error)]
        raise CaptureError(f"{path} cannot be read: its disk reports an error ({code})") from error
    except apsw.Error as error:
        raise CaptureError(f"{path} cannot be read: {error}", hint=_rights(path)) from error


def extended_result(error: apsw.Error) -> int:
    return error.extendedresult  # type: ignore[attr-defined, no-any-return]  # apsw documents it; its types forget it


def damaged(path: Path, complaints: list[str]) -> CaptureError:
    return CaptureError(
        f"{path} is damaged: {'; '.join(complaints)}",
        hint="Nothing was stored. Restore the newest point, or save what is left with `sqlite3 FILE .recover`.",
    )


def _not_a_database(path: Path) -> CaptureError:
    return CaptureError(f"{path} is not a SQLite database", hint='Any other file is captured with kind = "files".')


def _rights(path: Path) -> str:
    return f"drkit runs as user id {os.geteuid()}, which needs to read {path} and what SQLite keeps beside it."
