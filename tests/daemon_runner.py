"""The daemon as it is really run: a child process, with a clock that a test can set.

The clock is that of the daemon and of all its children; how long things take is not changed.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cli_runner import COMMAND, Drkit
from patience import PATIENCE, await_true
from processes import Process, having, kill

_CLOCKWORK = Path(__file__).with_name("clockwork")
_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@dataclass(frozen=True, slots=True)
class Clock:
    """`set` takes effect at once, for whoever runs with its environment. The store's clock stays right: points that are
    an hour ahead of it are taken for misdated."""

    file: Path

    @property
    def environment(self) -> dict[str, str]:
        assert _LIBRARY, "scripts/install-programs brings libfaketime"
        return {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(_CLOCKWORK),
        }

    def set(self, moment: datetime) -> None:
        self._shift((moment - datetime.now(UTC)).total_seconds())

    def right(self) -> None:
        self._shift(0)

    def _shift(self, seconds: float) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{seconds:+f}\n")
        beside.rename(self.file)


@dataclass(frozen=True, slots=True)
class Daemon:
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def begun(self, job: str = "backup") -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("job") == job and line["message"].endswith("begins")]

    def ended(self, job: str = "backup") -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("job") == job and "exit_code" in line]

    def await_line(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        return self.await_(lambda: next((line for line in self.lines if wanted(line)), None))

    def await_message(self, text: str) -> dict[str, Any]:
        return self.await_line(lambda line: text in line["message"])

    def await_ended(self, count: int, job: str = "backup") -> list[dict[str, Any]]:
        return self.await_(lambda: len(self.ended(job)) >= count and self.ended(job))

    def await_(self, happened: Callable[[], Any]) -> Any:
        return await_true(happened, self.process, lambda: "\n".join(map(str, self.lines)))

    def kill(self) -> None:
        """The daemon alone: its children go on."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def daemon_running(drkit: Drkit, *options: str, clock: Clock | None = None, **environment: str) -> Iterator[Daemon]:
    """Dead at the end, with all its children."""
    number = len(list(drkit.folder.glob("daemon-*.log")))
    log = drkit.folder / f"daemon-{number}.log"
    with log.open("wb") as err:
        process = subprocess.Popen(
            [*COMMAND, "daemon", "--listen", "127.0.0.1:0", *options],
            cwd=drkit.folder,
            env={**drkit.environment, **environment, **(clock.environment if clock else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=err,
            start_new_session=True,
        )
    daemon = Daemon(process, log)
    try:
        yield daemon
    finally:
        kill(members_of(drkit))
        process.wait()


def members_of(drkit: Drkit) -> list[Process]:
    return having("HOME", drkit.environment["HOME"])


def half_an_hour_ahead() -> datetime:
    """A full minute. With a run an hour at that minute a test cannot happen upon one, at whatever time it begins: the
    one before is half an hour ago."""
    return (datetime.now(UTC) + timedelta(minutes=30)).replace(second=0, microsecond=0)


def hourly(at: datetime) -> str:
    return f"{at.minute} * * * *"
