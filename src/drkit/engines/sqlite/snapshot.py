"""One consistent copy of a source, whatever state it is in: live, at rest, or left behind by a crash.

Nothing is written to the source or beside it: an unfinished transaction is undone, and a log folded in, in the copy.
It must not know what becomes of the copy.
"""

import errno
import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import apsw

from drkit.engines.sqlite.locks import Patience, shared_lock
from drkit.engines.sqlite.source import Source, beside, extended_result, look_at, read_only, reading, size_of
from drkit.engines.sqlite.workspace import copy_failed, require_room
from drkit.errors import CaptureError
from drkit.ports import Clock

_BLOCK = 4 << 20
_PAGES = 16384  # between two of these an interrupt is heard


@dataclass(frozen=True, slots=True)
class Snapshot:
    consistent_at: datetime
    notes: tuple[str, ...] = ()


def take_snapshot(path: Path, copy: Path, patience: Patience, clock: Clock) -> Snapshot:
    """Fill `copy`. Nothing in it is later than `consistent_at`, and all that was committed before the call is in it."""
    source = look_at(path)
    notes = () if source.size else (f"{path} is empty: a database without tables",)
    try:
        with reading(path, patience):
            if source.at_rest and (at := _copy_at_rest(source, copy, patience, clock)):
                return Snapshot(at)
            try:
                return Snapshot(_copy_live(source, copy, patience, clock), notes)
            except apsw.ReadOnlyError:
                at = _copy_crashed(source, copy, patience, clock)
            if at is not None:
                return Snapshot(at, (f"{path} was left in mid transaction by a crash, which was undone in the copy",))
            return Snapshot(_copy_live(source, copy, patience, clock))
    except OSError as error:
        raise copy_failed(path, copy.parent, error.strerror or str(error)) from error


def _copy_live(source: Source, copy: Path, patience: Patience, clock: Clock) -> datetime:
    """Through SQLite's backup interface, inside a read transaction of our own."""
    for torn in (copy, beside(copy, "-wal")):
        torn.unlink(missing_ok=True)
    with closing(read_only(source.path)) as live, closing(apsw.Connection(str(copy))) as into:
        live.set_busy_handler(patience.wait)
        live.execute("BEGIN")
        live.execute("PRAGMA schema_version").fetchall()
        # The transaction's first read has fixed the snapshot, and the backup below reads inside this transaction: what
        # is committed from here on stays out (WAL) or waits (rollback journal). So now is later than all of it, while
        # the time before the read could be earlier than a commit that slipped in between.
        moment = clock()
        ((size,),) = live.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchall()
        require_room(copy.parent, int(str(size)), source.path)
        into.execute("PRAGMA journal_mode = off; PRAGMA synchronous = off").fetchall()
        _copy_pages(live, into, source, copy.parent)
        _insist_it_stayed(source)
    return moment


def _copy_pages(live: apsw.Connection, into: apsw.Connection, source: Source, folder: Path) -> None:
    try:
        with into.backup("main", live, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
    except apsw.FullError as error:
        raise copy_failed(source.path, folder, os.strerror(errno.ENOSPC)) from error
    except apsw.IOError as error:
        if extended_result(error) in (apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ):
            raise  # the source's fault; all others are the copy's
        raise copy_failed(source.path, folder, "writing failed") from error


def _copy_at_rest(source: Source, copy: Path, patience: Patience, clock: Clock) -> datetime | None:
    """Byte by byte, since even a read-only connection would leave a -wal and a -shm file behind, or fail for want of
    leave to make them. None if somebody opened the database in the meantime; the copy may then be torn."""
    with shared_lock(source.path, patience) as file:
        log = _stamp(source.wal)
        if not source.at_rest:
            return None
        moment = clock()
        logged = size_of(source.wal)
        require_room(copy.parent, source.needed, source.path)
        _copy_locked(file, copy)
        if logged:
            shutil.copyfile(source.wal, beside(copy, "-wal"))
        # A connection that wrote has made a -shm file, and as long as we hold this lock its close cannot remove it.
        if not source.at_rest or _stamp(source.wal) != log:
            return None
        _insist_it_stayed(source)
    if logged:
        _settle(copy)
    return moment


def _copy_crashed(source: Source, copy: Path, patience: Patience, clock: Clock) -> datetime | None:
    """Byte by byte with the journal, for the copy to roll back. None if there is nothing to roll back any more."""
    with shared_lock(source.path, patience) as file:
        if file.xCheckReservedLock() or not source.journal.exists():
            return None
        moment = clock()
        require_room(copy.parent, source.needed, source.path)
        _copy_locked(file, copy)
        shutil.copyfile(source.journal, beside(copy, "-journal"))
        _insist_it_stayed(source)
    _settle(copy)
    return moment


def _settle(copy: Path) -> None:
    """Let SQLite recover the copy until it is one file."""
    with closing(apsw.Connection(str(copy))) as database:
        ((busy, _, _),) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy or beside(copy, "-wal").exists() or beside(copy, "-journal").exists():
        raise CaptureError("The temporary copy could not be recovered into one file")


def _insist_it_stayed(source: Source) -> None:
    if not source.still_there():
        raise CaptureError(
            f"{source.path} was replaced or removed while it was read",
            hint="Its log may belong to either file, so nothing was stored. Run the backup again.",
        )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        now = path.stat()
    except FileNotFoundError:
        return None
    return now.st_size, now.st_mtime_ns, now.st_ino


def _copy_locked(file: apsw.VFSFile, copy: Path) -> None:
    with copy.open("wb") as into:
        for offset in range(0, file.xFileSize(), _BLOCK):
            into.write(file.xRead(min(_BLOCK, file.xFileSize() - offset), offset))
