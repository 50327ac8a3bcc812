"""The commands that a person wants run around a restore: traffic stopped before, migrations and the like after.

Each runs in a shell of its own; what it says is passed on as it comes, and its end is kept. It must not know what is
restored, nor where to.
"""

import codecs
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from drkit.errors import NotRestorable

When = Literal["before", "after"]
Tell = Callable[[When, str], None]

_KEPT = 32_768
_LONGEST_LINE = 8192
_PIPE = 65_536
_PATIENCE = 10
# What opens or signs backups, whatever variable it stands in.
_KEYS = re.compile(r"AGE-SECRET-KEY-|DRKIT-SIGNING-KEY-|BEGIN AGE ENCRYPTED FILE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HookRun:
    """`status` is negative for a signal; `output` is the end of what the command said."""

    when: When
    command: str
    status: int
    output: str
    seconds: float


@dataclass(slots=True)
class Hooks:
    """The commands around one restore, and how they went. `secrets` are cut out of what they say."""

    before: str | None
    after: str | None
    environment: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    tell: Tell
    runs: list[HookRun] = field(default_factory=list)

    @contextmanager
    def around(self) -> Iterator[None]:
        """If `before` fails, the block is not entered. `after` runs once the block has ended well; whether it ended
        well itself is told by `failed_after`, as what was restored stays where it is."""
        if self.before:
            run = self._run("before", self.before)
            if run.status:
                raise NotRestorable(
                    f"the hook before the restore {_ending(run.status)}, so nothing was touched",
                    "mend the command, or restore without it: --hook-before true",
                )
        try:
            yield
        except BaseException:
            if self.before and self.after:
                self.tell("after", "the hook after the restore is not run; what the hook before it did still holds")
            raise
        if self.after:
            self._run("after", self.after)

    def failed_after(self) -> NotRestorable | None:
        for run in self.runs:
            if run.when == "after" and run.status:
                return NotRestorable(
                    f"the data are restored and stay where they are, but the hook after it {_ending(run.status)}",
                    "see what it said, and run the command again by hand",
                )
        return None

    def _run(self, when: When, command: str) -> HookRun:
        started = time.monotonic()
        output = ""
        self.tell(when, f"running the hook {when} the restore: {self._redact(command)}")
        with _shell(command, self.environment) as child:
            for line in _lines(_chunks(child)):
                shown = self._redact(line)
                self.tell(when, shown)
                output = f"{output}{shown}\n"[-_KEPT:]
        seconds = round(time.monotonic() - started, 3)
        self.runs.append(HookRun(when, self._redact(command), child.returncode, output, seconds))
        return self.runs[-1]

    def _redact(self, line: str) -> str:
        for secret in filter(None, self.secrets):
            line = line.replace(secret, "***")
        return line


def hook_environment(inherited: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """The caller's own variables, as his command needs them, but no key and no passphrase of drkit's."""
    own = {name: value for name, value in inherited.items() if name != "DRKIT_PASSPHRASE" and not _KEYS.search(value)}
    return own | dict(facts)


@contextmanager
def _shell(command: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The command is dead when the block is left early. What it leaves running when it ends by itself goes on."""
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        process_group=0,
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _chunks(child: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Until the command ends, not until its output does: what it started may hold that open for ever."""
    if child.stdout is None:
        raise AssertionError("its output was asked for")
    pipe = child.stdout.fileno()
    while True:
        ended = child.poll() is not None
        ready, _, _ = select.select([pipe], [], [], 0 if ended else 0.05)
        chunk = os.read(pipe, _PIPE) if ready else b""
        yield chunk
        if ended or (ready and not chunk):
            child.wait()
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


def _ending(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
