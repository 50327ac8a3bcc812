"""What a drill asks of a restored SQLite file: does it answer, is it sound, does every reference lead somewhere.

It must not know how the file came to be there.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import apsw

from drkit.engines.sqlite.examine import examine
from drkit.engines.sqlite.source import read_only
from drkit.errors import NotRestorable
from drkit.model import Answer, Check

_SHOWN = 5
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock


def prove(file: Path) -> Iterator[Check]:
    try:
        database = read_only(file, frozen=True)
        [(tables,)] = database.execute("select count(*) from sqlite_schema where type = 'table'")
    except apsw.Error as error:
        yield Check("first query", "failed", "an answer", str(error))
        return
    yield Check("first query", "passed", "an answer", f"{tables} tables")
    verdict = examine(database, "full")
    if verdict.examined:
        yield Check("integrity_check", "passed", "ok", "ok")
    elif verdict.complaints:
        yield Check("integrity_check", "failed", "ok", "; ".join(verdict.complaints))
    else:
        yield Check("integrity_check", "not testable", "ok", verdict.note)
    yield _check_references(database)


def ask(file: Path, question: str, timeout: timedelta) -> Answer:
    """Nothing can be changed by it: the file is opened for reading only."""
    try:
        database = read_only(file)
        database.set_progress_handler(_Limit(timeout), _STEPS)
        row = next(iter(database.execute(question)), None)
    except apsw.InterruptError as error:
        raise NotRestorable(f"no answer came within {timeout}", "give the check a longer timeout") from error
    except apsw.Error as error:
        raise NotRestorable(f"SQLite refused the question: {error}", "try it in sqlite3") from error
    answer = row[0] if row else None
    return f"{len(answer)} bytes" if isinstance(answer, bytes) else answer


def _check_references(database: apsw.Connection) -> Check:
    name, expected = "foreign_key_check", "every reference leads to a row"
    try:
        broken = list(database.execute("select * from pragma_foreign_key_check limit ?", [_SHOWN]))
    except apsw.Error as error:  # a table that was declared wrongly, or one of an extension
        return Check(name, "not testable", expected, str(error))
    if not broken:
        return Check(name, "passed", expected, "it does")
    told = "; ".join(f"row {row} of {table} refers to nothing in {parent}" for table, row, parent, _ in broken)
    return Check(name, "failed", expected, told)


class _Limit:
    """For SQLite's progress handler: true ends the statement."""

    def __init__(self, timeout: timedelta) -> None:
        self._until = time.monotonic() + timeout.total_seconds()

    def __call__(self) -> bool:
        return time.monotonic() > self._until
