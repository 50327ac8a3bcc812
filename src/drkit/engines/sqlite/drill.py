"""What a drill asks of a restored SQLite file: does it answer, is it sound, does every reference lead somewhere.

It must not know how the file came to be there.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import apsw

from drkit.engines.sqlite.examine import examine
from drkit.engines.sqlite.source import read_only
from drkit.errors import NotRestorable
from drkit.model import Answer, Check, Digest
from drkit.streams.meter import Hasher
from drkit.when import format_length

_SHOWN = 5
_CHUNK = 1 << 20
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock


def prove(file: Path, written: Digest | None) -> Iterator[Check]:
    """`written` is what was restored there, if this process did it: SQLite itself has no sums over its pages."""
    looked_at = "first query"
    try:
        with closing(read_only(file, frozen=True)) as database:
            [(tables,)] = database.execute("select count(*) from sqlite_schema where type = 'table'")
            yield Check(looked_at, "passed", "an answer", f"{tables} tables")
            looked_at = "reading on"
            if written:
                yield _check_content(file, written)
            yield _check_integrity(database)
            yield _check_references(database)
    except (apsw.Error, OSError) as error:
        yield Check(looked_at, "failed", "an answer", str(error))


def ask(file: Path, question: str, timeout: timedelta) -> Answer:
    """Nothing can be changed by it: the file is opened for reading only."""
    try:
        with closing(read_only(file)) as database:
            database.set_progress_handler(_Limit(timeout), _STEPS)
            row = next(iter(database.execute(question)), None)
    except apsw.InterruptError as error:
        raise NotRestorable(
            f"no answer came within {format_length(timeout)}", "give the check a longer timeout"
        ) from error
    except (apsw.Error, UnicodeDecodeError) as error:
        raise NotRestorable(f"SQLite refused the question: {error}", "try it in sqlite3") from error
    answer = row[0] if row else None
    return f"{len(answer)} bytes" if isinstance(answer, bytes) else answer


def _check_content(file: Path, written: Digest) -> Check:
    read = Hasher()
    with file.open("rb", buffering=0) as opened:
        for _ in read.watch(iter(lambda: opened.read(_CHUNK), b"")):
            pass
    same = read.digest() == written
    expected, found = (f"{each.size} bytes, SHA-256 {each.sha256[:12]}…" for each in (written, read.digest()))
    return Check("content", "passed" if same else "failed", expected, found)


def _check_integrity(database: apsw.Connection) -> Check:
    verdict = examine(database, "full")
    if verdict.examined:
        return Check("integrity_check", "passed", "ok", "ok")
    if verdict.complaints:
        return Check("integrity_check", "failed", "ok", "; ".join(verdict.complaints))
    return Check("integrity_check", "not testable", "ok", verdict.note)


def _check_references(database: apsw.Connection) -> Check:
    name, expected = "foreign_key_check", "every reference leads to a row"
    try:
        broken = list(database.execute("select * from pragma_foreign_key_check limit ?", [_SHOWN]))
    except apsw.Error as error:  # a table that was declared wrongly, or one of an extension
        return Check(name, "not testable", expected, str(error))
    if not broken:
        return Check(name, "passed", expected, "it does")
    told = "; ".join(
        f"{'a row' if row is None else f'row {row}'} of {table} refers to nothing in {parent}"
        for table, row, parent, _ in broken
    )
    return Check(name, "failed", expected, told)


class _Limit:
    """For SQLite's progress handler: true ends the statement."""

    def __init__(self, timeout: timedelta) -> None:
        self._until = time.monotonic() + timeout.total_seconds()

    def __call__(self) -> bool:
        return time.monotonic() > self._until
