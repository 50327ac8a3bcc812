"""What a capture will need, looked at before anything is at stake."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import apsw

from drkit.engines.sqlite.locks import Patience, shared_lock
from drkit.engines.sqlite.source import Source, look_at, read_only, reading
from drkit.engines.sqlite.workspace import parent_folder, require_room
from drkit.errors import CaptureError
from drkit.model import Finding
from drkit.ports import Clock


def look_ahead(path: Path, lock_timeout: timedelta, spool: Path | None, clock: Clock) -> Iterator[Finding]:
    """Ends at the first finding that makes the others pointless."""
    try:
        source = look_at(path)
    except CaptureError as error:
        yield Finding("database", False, str(error), error.hint)
        return
    yield Finding("database", True, f"{path} is a SQLite database of {source.size} bytes")
    try:
        yield Finding("journal", True, _describe_journal(source, Patience(lock_timeout, clock)))
    except CaptureError as error:
        yield Finding("journal", False, str(error), error.hint)
    try:
        folder = parent_folder(spool)
        require_room(folder, source.needed, path)
    except CaptureError as error:
        yield Finding("room for the copy", False, str(error), error.hint)
    else:
        free = shutil.disk_usage(folder).free
        yield Finding("room for the copy", True, f"{source.needed} bytes needed, {free} bytes free in {folder}")


def _describe_journal(source: Source, patience: Patience) -> str:
    with reading(source.path, patience):
        if source.at_rest:
            with shared_lock(source.path, patience):
                return "write-ahead log, and no process has it open"
        return _describe_live(source, patience)


def _describe_live(source: Source, patience: Patience) -> str:
    with closing(read_only(source.path)) as database:
        database.set_busy_handler(patience.wait)
        try:
            database.execute("PRAGMA schema_version").fetchall()
        except apsw.ReadOnlyError:
            return "rollback journal of a transaction that a crash cut off; it is undone in the copy"
    return "write-ahead log, in use" if source.wal_mode else "rollback journal"
