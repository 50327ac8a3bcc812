"""Child processes as streams: their output as chunks, our chunks as their input, and their failure as ours.

A child that crashes is not an end of file: the error rises before the last chunk could be taken for the end.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import IO

from drkit.errors import DrkitError
from drkit.ports import Chunks

# What a child's end means: its exit status (negative for a signal) and its last words.
Failure = Callable[[int, str], DrkitError]

Argument = str | bytes

_CHUNK = 1 << 20
_LAST_WORDS = 4000
_PATIENCE = 10


class Family:
    """Children that end together. Any thread may start one, and any thread may end them all: whoever reads or feeds
    one of them then gets its failure."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._living: set[subprocess.Popen[bytes]] = set()
        self._over = False

    def read(self, command: Sequence[Argument], environment: Mapping[str, str], failure: Failure) -> Chunks:
        """What the child writes to its stdout. Closing the iterator ends the child."""
        with (
            tempfile.TemporaryFile() as words,
            self._child(command, environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words) as child,
        ):
            pipe = _widened(child.stdout)
            while chunk := os.read(pipe, _CHUNK):
                yield chunk
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
            self._child(command, environment, stdin=subprocess.PIPE, stdout=words, stderr=words) as child,
        ):
            pipe = _widened(child.stdin)
            try:
                for chunk in chunks:
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[os.write(pipe, rest) :]
            except BrokenPipeError:
                pass  # what it died of, or that it wanted no more, its end will tell
            if child.stdin:
                child.stdin.close()
            if status := child.wait():
                raise failure(status, _last_words(words))

    def end(self) -> None:
        """SIGTERM for all. None can be started any more."""
        with self._lock:
            self._over = True
            for child in self._living:
                child.terminate()

    @contextmanager
    def _child(
        self,
        command: Sequence[Argument],
        environment: Mapping[str, str],
        stdin: int,
        stdout: int | IO[bytes],
        stderr: IO[bytes],
    ) -> Iterator[subprocess.Popen[bytes]]:
        with self._lock:
            child = subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=stderr)
            self._living.add(child)
            if self._over:
                child.terminate()
        try:
            yield child
        finally:
            with self._lock:
                self._living.discard(child)
            _end(child)


@contextmanager
def family() -> Iterator[Family]:
    """None of its children outlives the block."""
    children = Family()
    try:
        yield children
    finally:
        children.end()


def _widened(pipe: IO[bytes] | None) -> int:
    assert pipe, "it was asked for"  # noqa: S101
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
    return pipe.fileno()


def _end(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL for one that does not listen. Its pipes are closed."""
    for pipe in (child.stdin, child.stdout):
        if pipe and not pipe.closed:
            pipe.close()
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _last_words(words: IO[bytes]) -> str:
    end = words.seek(0, os.SEEK_END)
    words.seek(max(0, end - _LAST_WORDS))
    return words.read().decode(errors="replace").strip()
