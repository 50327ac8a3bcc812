"""What stands where sealing and a store stand in drkit: it keeps the pieces of a capture and gives them back."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from drkit.engines.sqlite import SqliteEngine
from drkit.model import Captured, Digest, Manifest, Piece, Restored, Wishes
from drkit.ports import Chunks, Clock, Save

BLOCK = 4 << 20


def utc_now() -> datetime:
    return datetime.now(UTC)


def clock_that(action: Callable[[], object], at_call: int = 2) -> Clock:
    """A clock that does something when it is read. A capture reads it at its start, and when its snapshot is fixed."""
    calls = iter(range(1, 100))

    def clock() -> datetime:
        if next(calls) == at_call:
            action()
        return utc_now()

    return clock


class Vault:
    def __init__(self) -> None:
        self.begun: list[datetime] = []
        self.kept: dict[str, list[bytes]] = {}
        self.captured: Captured | None = None

    def begin(self, moment: datetime) -> Save:
        self.begun.append(moment)

        def save(name: str, chunks: Chunks) -> Piece:
            body = list(chunks)
            self.kept[name] = body
            size = sum(map(len, body))
            return Piece(name, f"shop/main/backups/1/{name}", size, Digest("", size))

        return save

    def load(self, piece: Piece) -> Chunks:
        return iter(self.kept[piece.name])

    @property
    def manifest(self) -> Manifest:
        assert self.captured is not None
        (at,) = self.begun
        return Manifest("1", "shop/main", "sqlite", at, at, at, self.captured.pieces, "run", "test")


def capture(engine: SqliteEngine) -> Vault:
    vault = Vault()
    vault.captured = engine.capture(vault.begin)
    return vault


def restore(engine: SqliteEngine, vault: Vault, target: Path, swap: bool = False) -> Restored:
    return engine.restore(vault.manifest, vault.load, str(target), Wishes(swap=swap))


def listing(folder: Path) -> dict[str, bytes]:
    """Names and contents, but for the contents of -shm files, which are locks and an index that readers rebuild."""
    return {path.name: b"" if path.name.endswith("-shm") else path.read_bytes() for path in sorted(folder.iterdir())}


PRELUDE = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
import apsw
from drkit.engines.sqlite import SqliteEngine
from drkit.errors import DrkitError
from sqlite_vault import Vault, capture, clock_that, restore, utc_now
def wait_here(word):
    print(word, flush=True)
    signal.pause()
def drop_privileges():
    Path("/").as_uri()  # its imports are lazy, and the interpreter may lie where only root can read
    if os.geteuid() == 0:
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
"""


def run_child(code: str, *arguments: object) -> str:
    done = subprocess.run(_command(code, arguments), env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def child_at(word: str, code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A child process that has come to say `word`, and waits there; killed with SIGKILL at the end of the block."""
    child = subprocess.Popen(_command(code, arguments), env=_environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == f"{word}\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def _command(code: str, arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]


def _environment() -> dict[str, str]:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
