"""Log for a server that recovers: files in a folder, fetched ahead of what it asks for, several at once.

The server's own command is a few lines of shell, as one file after the other must not wait for a program to start; it
takes a file that is there, or asks for it and waits. The server may run as another user, without keys or a network.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from drkit.disk.removal import remove_tree
from drkit.engines.postgres.recovery.extract import Owner

_SCRIPT = """# the server asks for the file $1 at the path $2; drkit puts it here, or takes the question away
here={here}
mv -f "$here/$1" "$2" 2>/dev/null && exit 0
: 2>/dev/null > "$here/ask/$1" || exit 1
while [ -e "$here/ask/$1" ]; do
    [ -d /proc/1 ] && [ ! -d /proc/{feeder} ] && exit 255 # who would answer was killed; where /proc hides him, he lives
    sleep 0.01
done
[ -e "$here/failed" ] && exit 255
mv -f "$here/$1" "$2" 2>/dev/null
"""
_DEPTH = 8
_WORKERS = 4
_PAUSE = 0.005
Fetch = Callable[[str], bytes | None]


class Feed:
    """`names` are the files in the order in which they will be asked for. `error` is what kept one from coming."""

    def __init__(self, folder: Path, fetch: Fetch, names: Sequence[str], owner: Owner | None) -> None:
        self.folder = folder
        self.error: BaseException | None = None
        self._fetch = fetch
        self._names = names
        self._places = {name: at for at, name in enumerate(names)}
        self._owner = owner
        self._at = 0
        self._stop = Event()
        self._coming: dict[str, Future[bool]] = {}

    @property
    def command(self) -> str:
        """For `restore_command`, where % stands for something."""
        return f"/bin/sh {shlex.quote(str(self.folder / 'fetch'))}".replace("%", "%%") + " %f %p"

    def lay_out(self) -> None:
        (self.folder / "ask").mkdir(parents=True)
        (self.folder / "fetch").write_text(_SCRIPT.format(here=shlex.quote(str(self.folder)), feeder=os.getpid()))
        (self.folder / "fetch").chmod(0o644)
        for path in (self.folder, self.folder / "ask"):
            path.chmod(0o700)
            self._give(path)

    def run(self) -> None:
        with ThreadPoolExecutor(_WORKERS, "log") as pool:
            while not self._stop.wait(_PAUSE):
                try:
                    self._answer()
                    self._look_ahead(pool)
                except BaseException as error:  # noqa: BLE001  it rises in the thread that waits for the server
                    self._fail(error)
                    return
            for future in self._coming.values():
                future.cancel()

    def end(self) -> None:
        self._stop.set()

    def _answer(self) -> None:
        for question in sorted(path.name for path in (self.folder / "ask").iterdir()):
            coming = self._coming.pop(question, None)
            if not (coming and coming.result() and (self.folder / question).exists()):
                self._bring(question)
            self._at = self._places.get(question, self._at - 1) + 1
            (self.folder / "ask" / question).unlink()

    def _look_ahead(self, pool: ThreadPoolExecutor) -> None:
        """What was taken makes room for more."""
        while self._at < len(self._names) and self._is_taken(self._names[self._at]):
            del self._coming[self._names[self._at]]
            self._at += 1
        for name in self._names[self._at : self._at + _DEPTH]:
            if name not in self._coming:
                self._coming[name] = pool.submit(self._bring, name)

    def _is_taken(self, name: str) -> bool:
        coming = self._coming.get(name)
        return coming is not None and coming.done() and coming.result() and not (self.folder / name).exists()

    def _bring(self, name: str) -> bool:
        content = self._fetch(name)
        if content is None:
            return False
        beside = self.folder / f".{name}"
        beside.write_bytes(content)
        beside.chmod(0o600)
        self._give(beside)
        beside.rename(self.folder / name)
        return True

    def _fail(self, error: BaseException) -> None:
        self.error = error
        (self.folder / "failed").touch()
        self._give(self.folder / "failed")
        for question in (self.folder / "ask").iterdir():
            question.unlink()

    def _give(self, path: Path) -> None:
        if self._owner:
            os.chown(path, self._owner.uid, self._owner.gid)


@contextmanager
def feeding(folder: Path, fetch: Fetch, names: Sequence[str], owner: Owner | None) -> Iterator[Feed]:
    """When the block is left nothing is given any more, and whoever asks is told so at once."""
    feed = Feed(folder, fetch, names, owner)
    feed.lay_out()
    thread = Thread(target=feed.run, name="log feed", daemon=True)
    thread.start()
    try:
        yield feed
    finally:
        feed.end()
        thread.join()
        remove_tree(folder)
