"""drkit as a person or a program meets it: a child process in a folder of its own, with a terminal or without one.

It must not know what any command does.
"""

import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import cli_forks
from patience import PATIENCE, await_true
from processes import kill, session_of

COMMAND = (sys.executable, "-m", "drkit")


@dataclass(frozen=True, slots=True)
class Done:
    """How a run ended. `out` and `err` are what it wrote; with a terminal `err` is all that was seen on it."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log lines of a run without a terminal."""
        return [json.loads(line) for line in self.err.splitlines()]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["level"] == "error"]


@dataclass(frozen=True, slots=True)
class Drkit:
    """Runs drkit in one folder, with an environment that holds nothing of the one who runs the tests."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, **environment: str) -> Done:
        """One run after the other; `running` is for several at once."""
        return Done(*cli_forks.run(arguments, self.folder, {**self.environment, **environment}))

    def python(self, *arguments: str, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, **environment: str) -> Done:
        done = self(*arguments, **environment)
        assert done.code == 0, done
        return done

    def json(self, *arguments: str, **environment: str) -> Any:
        return self.ok(*arguments, "--json", **environment).document

    def on_terminal(self, *arguments: str, answers: Sequence[tuple[str, str]] = (), **environment: str) -> Done:
        """Standard input, output and error are one terminal; each answer is typed when its question is seen."""
        return converse([*COMMAND, *arguments], self.folder, {**self.environment, **environment}, answers)

    @contextmanager
    def running(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A run that the test may watch and signal, alone in its session, which is dead at the end."""
        child = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield child
        finally:
            kill(session_of(child.pid))
            child.communicate()


def drkit_in(folder: Path, **environment: str) -> Drkit:
    """`HOME` and the temporary files are below the folder's parent, so that a test sees all that is written."""
    folder.mkdir(parents=True, exist_ok=True)
    home = folder.parent / f"{folder.name}-home"
    home.mkdir(exist_ok=True)
    plain = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "TERM": "xterm"}
    return Drkit(folder, plain | environment)


def converse(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    answers: Sequence[tuple[str, str]],
    patience: float = PATIENCE,
) -> Done:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (40, 200))
    child = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    seen, searched = "", 0
    waiting = list(answers)
    until = monotonic() + patience
    try:
        while chunk := _read(master, until):
            seen += chunk.decode(errors="replace")
            if waiting and (at := seen.find(waiting[0][0], searched)) >= 0:
                searched = at + len(waiting[0][0])
                os.write(master, f"{waiting.pop(0)[1]}\n".encode())
        assert not waiting, f"{waiting[0][0]!r} was never asked: {seen}"
        return Done(child.wait(patience), "", seen.replace("\r\n", "\n"))
    finally:
        child.kill()
        child.wait()
        os.close(master)


def _read(master: int, until: float) -> bytes:
    ready, _, _ = select.select([master], [], [], max(0.0, until - monotonic()))
    assert ready, "nothing more was said, and the program has not ended"
    try:
        return os.read(master, 1 << 16)
    except OSError:  # how Linux says that the other side is closed
        return b""


def await_bytes_in(folder: Path, child: subprocess.Popen[str]) -> None:
    """Returns once a file in `folder` has bytes in it: `child` is in the middle of a put into a local store."""

    def has_bytes() -> bool:
        with suppress(FileNotFoundError):
            return any(path.stat().st_size for path in folder.iterdir())
        return False

    await_true(has_bytes, child)


_CHANGING = (
    (r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}", "ID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "MOMENT"),
    (r"\d{4}-\d\d-\d\d", "DAY"),
    (r"\d{4}-W\d\d", "WEEK"),
    (r"\b\d{4}-\d\d\b", "MONTH"),
    (r"\bage1[a-z0-9]{58}", "RECIPIENT"),
    (r"\bdrkit1[a-z0-9]+", "SIGNER"),
    (r"\.drkit-check/[0-9a-f]{16}", ".drkit-check/TOKEN"),
    (r'"correlation_id": "[0-9a-f]{32}"', '"correlation_id": "RUN"'),
    (r"\b\d+(?:\.\d+)? (?:B|kB|MB|GB)\b", "SIZE"),
    (r"\b\d+ bytes", "SIZE"),
    (r"\b(?:\d+[dhm])*\d+(?:\.\d+)? ?s\b", "LENGTH"),
    (r" {2,}", "  "),
)


def settled(text: str, *places: tuple[Path, str]) -> str:
    """The text without what differs from run to run: times, IDs, keys, sizes, lengths, folders, widths of columns."""
    for path, name in places:
        text = text.replace(str(path), name)
    for pattern, name in _CHANGING:
        text = re.sub(pattern, name, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
