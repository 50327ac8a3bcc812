"""One command of drkit's own as a child process: its log is heard line by line, its time is limited, its end is told.

It must not know what the command does.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

Line = Mapping[str, Any]
Hear = Callable[[Line], None]

PATIENCE = timedelta(seconds=30)  # after a SIGTERM
COMMAND = (sys.executable, "-m", "drkit")
_ROOM = 1 << 20  # of one line
_MOST = 64 << 20  # of its answer: ten thousand points are one megabyte


@dataclass(frozen=True, slots=True)
class Answer:
    """`exit_code` is negative for a signal. `document` is what it printed, if that is JSON. `errors` are the lines of
    its log that say what went wrong."""

    exit_code: int
    document: Any = None
    errors: tuple[Line, ...] = ()
    taken: bool = False
    timed_out: bool = False


async def run_child(
    arguments: Sequence[str],
    hear: Hear,
    time_limit: timedelta,
    said: str = "",
    patience: timedelta = PATIENCE,
) -> Answer:
    """`said` is its standard input. However this is left, the child is dead: SIGTERM, and then SIGKILL."""
    child = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdin=asyncio.subprocess.PIPE if said else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"DRKIT_PROGRESS": "2"},
        start_new_session=True,
        limit=_ROOM,
    )
    errors: list[Line] = []
    taken = timed_out = False

    def listen(line: Line) -> None:
        nonlocal taken
        taken = taken or line.get("taken") is True
        if line.get("level") == "error":
            errors.append(line)
        hear(line)

    reading = asyncio.gather(_say(child, said), _collect(child.stdout), _listen(child.stderr, listen))
    try:
        await asyncio.wait_for(child.wait(), time_limit.total_seconds())
    except TimeoutError:
        timed_out = True
    finally:
        await asyncio.shield(_end(child, patience))
    _, output, _ = await reading
    return Answer(child.returncode or 0, _read(output), tuple(errors), taken, timed_out)


async def _end(child: asyncio.subprocess.Process, patience: timedelta) -> None:
    """With all that it has started: what a SIGTERM leaves alive after its patience is killed."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError):
        child.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), patience.total_seconds())
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


async def _say(child: asyncio.subprocess.Process, said: str) -> None:
    if child.stdin:
        with suppress(ConnectionError):
            child.stdin.write(said.encode())
            await child.stdin.drain()
        child.stdin.close()


async def _collect(pipe: asyncio.StreamReader | None) -> bytes:
    """What is too much is read and thrown away, so that the child can end."""
    chunks, size = [], 0
    while pipe and (chunk := await pipe.read(1 << 16)):
        size += len(chunk)
        if size <= _MOST:
            chunks.append(chunk)
    return b"".join(chunks)


async def _listen(pipe: asyncio.StreamReader | None, hear: Hear) -> None:
    while pipe:
        try:
            raw = await pipe.readline()
        except ValueError:  # a line that has no end
            continue
        if not raw:
            return
        hear(_parse(raw))


def _parse(raw: bytes) -> Line:
    """A line that is no JSON was written by something that the child has started."""
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"level": "info", "message": raw.decode(errors="replace").rstrip()}


def _read(output: bytes) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return None
