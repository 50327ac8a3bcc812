"""The SQLite engine as the rest of drkit sees it: the port, and nothing of its own.

It must not know how a copy is taken or put back.
"""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import apsw

from drkit.disk.scratch import scratch_folder
from drkit.engines.sqlite.capture import PIECE, capture
from drkit.engines.sqlite.drill import ask, prove
from drkit.engines.sqlite.examine import Integrity
from drkit.engines.sqlite.findings import look_ahead
from drkit.engines.sqlite.partial import SUFFIX
from drkit.engines.sqlite.restore import check_target, restore
from drkit.errors import IntegrityError
from drkit.model import Answer, Captured, Check, Digest, Finding, Manifest, Piece, Restored, Scratch, Wishes
from drkit.ports import Begin, Clock, Effort, Load
from drkit.streams.meter import Hasher


class SqliteEngine:
    """`spool` is the folder for the temporary copy, which takes the size of the database, and `scratch` the one that
    drills restore into; both are the system's own for such files if nothing else is said. With `integrity` off a
    damaged database is captured, and restored, as it is."""

    kind: str = "sqlite"
    effort: Effort = Effort.ANYTHING
    reads_back: frozenset[str] = frozenset()

    def __init__(
        self,
        path: Path,
        integrity: Integrity = "quick",
        lock_timeout: timedelta = timedelta(seconds=60),
        spool: Path | None = None,
        scratch: Path | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._path = path
        self._integrity = integrity
        self._lock_timeout = lock_timeout
        self._spool = spool
        self._scratch = scratch
        self._clock = clock
        self._written: dict[str, Digest] = {}  # by a drill, which wants to know whether it still stands there

    def capture(self, begin: Begin) -> Captured:
        return capture(self._path, begin, self._integrity, self._lock_timeout, self._spool, self._clock)

    def check(self) -> Iterator[Finding]:
        return look_ahead(self._path, self._lock_timeout, self._spool, self._clock)

    def check_target(self, target: str, wishes: Wishes) -> None:
        wishes.insist_on_whole(self.kind)
        check_target(Path(target), wishes.swap)

    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored:
        piece = _database(manifest)
        written = Hasher()
        source: Load = (lambda each: written.watch(load(each))) if wishes.tolerant else load
        restored = restore(piece, source, Path(target), wishes.swap, self._lock_timeout, self._clock)
        self._written = {target: written.digest()} if wishes.tolerant else {}
        return restored

    @contextmanager
    def scratch(self, manifest: Manifest, _load: Load) -> Iterator[Scratch]:
        with scratch_folder(self._scratch, _database(manifest).plain_bytes) as folder:
            yield Scratch(
                str(folder / "restored.db"), f"the folder {folder}", tools={"sqlite": apsw.sqlite_lib_version()}
            )

    def prove(self, _manifest: Manifest, _load: Load, target: str) -> Iterator[Check]:
        return prove(Path(target), self._written.get(target))

    def ask(self, target: str, question: str, timeout: timedelta) -> Answer:
        return ask(Path(target), question, timeout)

    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
        file, partial = shlex.quote(target), shlex.quote(target + SUFFIX)
        return [
            f"test ! -e {file}  # what exists is not overwritten",
            f"{fetch(_database(manifest))} > {partial}",
            f"test \"$(sqlite3 {partial} 'pragma integrity_check')\" = ok",
            f"mv -T -- {partial} {file}",
        ]


def _database(manifest: Manifest) -> Piece:
    for piece in manifest.pieces:
        if piece.name == PIECE:
            return piece
    raise IntegrityError(f"The manifest of {manifest.id} names no piece {PIECE!r}")
