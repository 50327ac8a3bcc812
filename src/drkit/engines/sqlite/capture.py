"""From a source to one piece named "database": copy, then examine and hand over side by side.

The copy loses its name before its first byte leaves, so a killed process leaves no plain data behind from then on.
It must not know how the source was read, nor where the bytes go.
"""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from drkit.engines.sqlite.examine import Integrity, Verdict, examine_meanwhile
from drkit.engines.sqlite.locks import Patience
from drkit.engines.sqlite.snapshot import take_snapshot
from drkit.engines.sqlite.source import damaged, read_only
from drkit.engines.sqlite.workspace import workspace
from drkit.errors import CaptureError
from drkit.model import Captured
from drkit.ports import Begin, Chunks, Clock

PIECE = "database"
_CHUNK = 1 << 20


def capture(
    path: Path, begin: Begin, integrity: Integrity, lock_timeout: timedelta, spool: Path | None, clock: Clock
) -> Captured:
    verdicts: list[Verdict] = []
    with workspace(spool) as folder:
        copy = folder / "copy"
        snapshot = take_snapshot(path, copy, Patience(lock_timeout, clock), clock)
        with (
            copy.open("rb", buffering=0) as file,
            closing(read_only(copy, frozen=True)) as database,
            closing(examine_meanwhile(database, integrity)) as examination,
        ):
            copy.unlink()

            def sound() -> Chunks:
                """Raise in place of an end if the copy turns out damaged, so that nobody commits it."""
                next(examination)
                while chunk := file.read(_CHUNK):
                    yield chunk
                if verdict := next(examination):
                    if verdict.complaints:
                        raise damaged(path, list(verdict.complaints))
                    verdicts.append(verdict)

            try:
                piece = begin(snapshot.consistent_at)(PIECE, sound())
            finally:
                database.interrupt()
    if not verdicts:
        raise CaptureError(f"The copy of {path} was not stored to its end")
    return Captured((piece,), (*snapshot.notes, *(verdict.note for verdict in verdicts if not verdict.examined)))
