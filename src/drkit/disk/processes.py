"""What a run left behind that still runs: servers, found by the data folder on their command line, and what a person's
own commands started, found by the place that they were told of. They are ended.

A number in a file proves nothing, as a restored database can write files and numbers are given out again.
It must not know what is in the folder.
"""

import os
import select
import signal
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

# a server kills its own children after five seconds
PATIENCE = timedelta(seconds=10)
_PROCESSES = Path("/proc")
_TOLD = b"DRKIT_TARGET="  # among the variables of every such command


def end_servers(data: Path, patience: timedelta = PATIENCE) -> None:
    """Where there is no /proc a server ends by itself, within a minute after its folder was removed."""
    for process in _PROCESSES.glob("[0-9]*"):
        if _serves(process, data):
            _end(process, data, patience)


def end_commands(place: str) -> None:
    """`place` is a name that nothing else has. They get no time to end by themselves: what they look at is gone."""
    for process in _PROCESSES.glob("[0-9]*"):
        if _was_told_of(process, place):
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(int(process.name))
                try:
                    if _was_told_of(process, place):
                        _ended_by(descriptor, signal.SIGKILL, PATIENCE)
                finally:
                    os.close(descriptor)


def _was_told_of(process: Path, place: str) -> bool:
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(each.startswith(_TOLD) and os.fsencode(place) in each for each in variables)


def _serves(process: Path, data: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is not ours to see
        return False
    return (b"-D", os.fsencode(data)) in pairwise(words)


def _end(process: Path, data: Path, patience: timedelta) -> None:
    with suppress(ProcessLookupError):  # it was quicker
        descriptor = os.pidfd_open(int(process.name))
        try:
            # asked again, because only now the number cannot pass to another process any more
            if _serves(process, data) and not _ended_by(descriptor, signal.SIGQUIT, patience):
                _ended_by(descriptor, signal.SIGKILL, patience)
        finally:
            os.close(descriptor)


def _ended_by(descriptor: int, word: signal.Signals, patience: timedelta) -> bool:
    signal.pidfd_send_signal(descriptor, word)
    ready, _, _ = select.select([descriptor], [], [], patience.total_seconds())
    return bool(ready)
