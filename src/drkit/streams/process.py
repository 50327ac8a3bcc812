"""Child processes as streams: their output as chunks, our chunks as their input, and their failure as ours.

A child that crashes is not an end of file: the error rises before the last chunk could be taken for the end.
"""

import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Lock
from typing import IO

from drkit.errors import DrkitError
from drkit.ports import Chunks
from drkit.streams.undisturbed import undisturbed

# What a child's end means: its exit status (negative for a signal) and its last words.
Failure = Callable[[int, str], DrkitError]

Argument = str | bytes

_CHUNK = 1 << 20
_LAST_WORDS = 4000
_PATIENCE = timedelta(seconds=10)
_NOT_STARTED = 127  # as a shell has it
_SET_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux only


class Family:
    """Children that end together. Any thread may start one, and any thread may end them all: whoever reads or feeds
    one of them then gets its failure."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience.total_seconds()
        self._lock = Lock()
        self._living: set[subprocess.Popen[bytes]] = set()
        self._over = False

    def read(
        self,
        command: Sequence[Argument],
        environment: Mapping[str, str],
        failure: Failure,
        given: IO[bytes] | None = None,
    ) -> Chunks:
        """What the child writes to its stdout: its first bytes at once, then in full chunks. Closing the iterator ends
        the child. `given` is the file that it reads from where that stands, if it reads one."""
        stdin = subprocess.DEVNULL if given is None else given
        with (
            tempfile.TemporaryFile() as words,
            self._child(command, environment, failure, stdin, subprocess.PIPE, words) as child,
        ):
            # Programs write a few KiB at a time; taking up each by itself was measured to cost a tenth of a backup.
            pipe = _widened(child.stdout)
            chunk = os.read(pipe.fileno(), _CHUNK)
            while chunk:
                yield chunk
                chunk = pipe.read(_CHUNK)
            if status := child.wait():
                raise failure(status, _last_words(words))

    def feed(
        self,
        command: Sequence[Argument],
        environment: Mapping[str, str],
        failure: Failure,
        chunks: Iterable[bytes] = (),
    ) -> None:
        """Write `chunks` to the child's stdin and wait for its good end."""
        with (
            tempfile.TemporaryFile() as words,
            self._child(command, environment, failure, subprocess.PIPE, words, words) as child,
        ):
            pipe = _widened(child.stdin)
            # what it died of, or that it wanted no more, its end will tell
            with suppress(BrokenPipeError):
                for chunk in chunks:
                    _write(pipe, chunk)
            pipe.close()
            if status := child.wait():
                raise failure(status, _last_words(words))

    def watch(
        self,
        command: Sequence[Argument],
        environment: Mapping[str, str],
        failure: Failure,
        chunks: Iterable[bytes],
    ) -> Chunks:
        """The chunks as they come, each shown to the child first. If that ends badly its failure rises, and does so
        before the last chunk could be taken for the end."""
        with (
            tempfile.TemporaryFile() as words,
            self._child(command, environment, failure, subprocess.PIPE, words, words) as child,
        ):
            pipe = _widened(child.stdin)
            heard_out = True
            for chunk in chunks:
                try:
                    _write(pipe, chunk)
                except BrokenPipeError:
                    heard_out = False
                    break
                yield chunk
            pipe.close()
            if (status := child.wait()) or not heard_out:
                raise failure(status, _last_words(words))

    def end(self) -> None:
        """SIGTERM for all. None can be started any more."""
        with self._lock:
            self._over = True
            for child in self._living:
                child.terminate()

    def bury(self) -> None:
        """Wait until all are dead, once nobody reads or feeds any of them any more."""
        self.end()
        while self._living:
            self._end(self._living.pop())

    @contextmanager
    def _child(
        self,
        command: Sequence[Argument],
        environment: Mapping[str, str],
        failure: Failure,
        stdin: int | IO[bytes],
        stdout: int | IO[bytes],
        stderr: IO[bytes],
    ) -> Iterator[subprocess.Popen[bytes]]:
        with self._lock:
            if self._over:
                raise failure(-signal.SIGTERM, "")
            try:
                with undisturbed():
                    child = subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
                    self._living.add(child)
            except OSError as error:
                raise failure(_NOT_STARTED, f"it cannot be started: {error.strerror}") from error
        try:
            yield child
        finally:
            with self._lock:
                self._living.discard(child)
            self._end(child)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """SIGTERM, then SIGKILL for one that does not listen. Its pipes are closed only after the SIGTERM, as it would
        take a closed one for the good end of its input."""
        child.terminate()
        for pipe in (child.stdin, child.stdout):
            if pipe and not pipe.closed:
                pipe.close()
        try:
            child.wait(self._patience)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def family(patience: timedelta = _PATIENCE) -> Iterator[Family]:
    """None of its children outlives the block; they have `patience` to end after a SIGTERM."""
    children = Family(patience)
    try:
        yield children
    finally:
        children.bury()


def _widened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe, "it was asked for"  # noqa: S101
    if _SET_SIZE:
        with suppress(PermissionError):  # the system grants only so much to all pipes of a user
            fcntl.fcntl(pipe, _SET_SIZE, _CHUNK)
    return pipe


def _write(pipe: IO[bytes], chunk: bytes) -> None:
    """Past the buffer: what lies in one could not be thrown away."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(pipe.fileno(), rest) :]


def _last_words(words: IO[bytes]) -> str:
    end = words.seek(0, os.SEEK_END)
    words.seek(max(0, end - _LAST_WORDS))
    return words.read().decode(errors="replace").strip()
