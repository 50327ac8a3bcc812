"""A command of a person's own, run in a shell: what it says is passed on as it comes, and its end is kept.

It must not know what the command is for.
"""

import codecs
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from drkit.streams.undisturbed import undisturbed

_KEPT = 32_768
_LONGEST_LINE = 8192
_PIPE = 65_536
_PATIENCE = 10
# What opens or signs backups, whatever variable it stands in.
_KEYS = re.compile(r"AGE-SECRET-KEY-|DRKIT-SIGNING-KEY-|BEGIN AGE ENCRYPTED FILE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ShellRun:
    """`status` is negative for a signal, and None if the command was ended because its time was up; `output` is the end
    of what it said."""

    status: int | None
    output: str
    seconds: float

    def __str__(self) -> str:
        if self.status is None:
            return f"was ended after {self.seconds:.0f} s, when its time was up"
        return f"was ended by signal {-self.status}" if self.status < 0 else f"ended with status {self.status}"


def run_shell(
    command: str, environment: Mapping[str, str], hear: Callable[[str], str], timeout: timedelta | None = None
) -> ShellRun:
    """`hear` gets every line, and gives back what may be kept of it."""
    started = time.monotonic()
    output = ""
    with _shell(command, environment) as child:
        for line in _lines(_chunks(child, started + timeout.total_seconds() if timeout else float("inf"))):
            output = f"{output}{hear(line)}\n"[-_KEPT:]
        status = child.poll()
    return ShellRun(status, output, round(time.monotonic() - started, 3))


def shell_environment(inherited: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """The caller's own variables, as his command needs them, but no key and no passphrase of drkit's."""
    own = {name: value for name, value in inherited.items() if name != "DRKIT_PASSPHRASE" and not _KEYS.search(value)}
    return own | dict(facts)


@contextmanager
def _shell(command: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The command is dead when the block is left early. What it leaves running when it ends by itself goes on."""
    with ExitStack() as end:
        with undisturbed():
            child = end.enter_context(
                subprocess.Popen(
                    ["/bin/sh", "-c", command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    process_group=0,
                )
            )
            end.callback(_end, child)
        yield child


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _chunks(child: "subprocess.Popen[bytes]", give_up_at: float) -> Iterator[bytes]:
    """Until the command ends or its time is up, and not until its output does: what it started may hold that open for
    ever."""
    if child.stdout is None:
        raise AssertionError("its output was asked for")
    pipe = child.stdout.fileno()
    while time.monotonic() < give_up_at:
        ended = child.poll() is not None
        ready, _, _ = select.select([pipe], [], [], 0 if ended else 0.05)
        chunk = os.read(pipe, _PIPE) if ready else b""
        yield chunk
        if ended:
            return
        if ready and not chunk:  # it may close its output and go on
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(give_up_at - time.monotonic(), 0))
            return


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in chunks:
        *lines, rest = re.split(r"[\r\n]+", rest + decoder.decode(chunk))
        yield from filter(None, lines)
        if len(rest) > _LONGEST_LINE:
            yield rest
            rest = ""
    if rest := rest + decoder.decode(b"", final=True):
        yield rest
