"""A child process as a stream: its stdout as chunks, and its failure as ours.

A child that crashes is not an end of file: the error rises before the last chunk could be taken for the end.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from drkit.errors import DrkitError
from drkit.ports import Chunks

# What a child's end means: its exit status (negative for a signal) and its last words.
Failure = Callable[[int, str], DrkitError]

_CHUNK = 1 << 20
_LAST_WORDS = 4000
_PATIENCE = 10


def read_child(command: Sequence[str], environment: Mapping[str, str], failure: Failure) -> Chunks:
    """Closing the iterator ends the child."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            assert child.stdout, "it was asked for"  # noqa: S101
            pipe = child.stdout.fileno()
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
            while chunk := os.read(pipe, _CHUNK):
                yield chunk
            if status := child.wait():
                raise failure(status, _last_words(errors))
        finally:
            end_child(child)


def run_child(command: Sequence[str], environment: Mapping[str, str], failure: Failure) -> bytes:
    """The whole stdout of a child that says little."""
    return b"".join(read_child(command, environment, failure))


def end_child(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL for one that does not listen. Its pipes are closed."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe:
            pipe.close()


def _last_words(errors: IO[bytes]) -> str:
    end = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, end - _LAST_WORDS))
    return errors.read().decode(errors="replace").strip()
