"""Whether SQLite itself finds a finished file sound. It must not know which direction the file is travelling."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import apsw

from drkit.streams.ahead import ahead

Integrity = Literal["quick", "full", "off"]
_PRAGMAS = {"quick": "quick_check", "full": "integrity_check"}
_LINES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    complaints: tuple[str, ...]
    note: str
    examined: bool = False


def examine(database: apsw.Connection, integrity: Integrity) -> Verdict:
    """A database that needs its application's own collations or functions cannot be examined without them; that is
    no fault of the file, so it is a note and not a complaint."""
    if integrity == "off":
        return Verdict((), "not checked: integrity is off")
    pragma = _PRAGMAS[integrity]
    # The connection is read-only, so SQLite leaves CHECK constraints out: a row that breaks one is the application's
    # affair, and no reason to go without a backup.
    try:
        lines = tuple(str(line) for (line,) in database.execute(f"PRAGMA {pragma}({_LINES})"))
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return Verdict((str(error),), "")
    except apsw.SQLError as error:
        return Verdict((), f"not checked: {pragma} cannot run without the application ({error})")
    return Verdict(() if lines == ("ok",) else lines, f"{pragma}: {lines[0]}", examined=True)


def examine_meanwhile(database: apsw.Connection, integrity: Integrity) -> Generator[Verdict | None, None, None]:
    """The first `next` starts the examination and returns None at once, the second one waits for its verdict."""

    def steps() -> Iterator[Verdict | None]:
        yield None
        yield examine(database, integrity)

    yield from ahead(steps())
