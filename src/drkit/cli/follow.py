"""`drkit follow`."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call
from drkit.errors import DrkitError, SourceBusy, SourceUnavailable, StoreUnavailable

if TYPE_CHECKING:
    from types import FrameType

    from drkit.follow.voice import Stop
    from drkit.follow.watch import Alarm
    from drkit.wiring import Source

_INTERRUPTED = 130


def follow(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="SYSTEM or SYSTEM/SOURCE, with method = physical.")],
    anew: Annotated[
        bool, typer.Option("--anew", help="Accept a gap: begin the log anew with what the server still has.")
    ] = False,
) -> int:
    """Store a PostgreSQL server's log as it is written, until stopped. A second one waits and takes over.

    The server keeps what is not stored yet in a replication slot, which is made if it is missing.

    Examples:  drkit follow shop/main  |  drkit follow shop/main --anew
    """
    call: Call = context.obj
    source = call.select_one(name)
    alarm = _alarm(call, source)
    with _stopping() as stop, _rebasing(call, source) as rebase:
        from drkit.wiring import follower

        try:
            follower(source, call.console, stop, rebase, alarm, anew=anew).run()
        except DrkitError as error:
            mends_itself = isinstance(error, SourceUnavailable | SourceBusy | StoreUnavailable)
            if not (mends_itself or call.console.terminal):  # who sits there has seen it
                with suppress(DrkitError):
                    alarm(error)
            raise
    return _INTERRUPTED


def _alarm(call: Call, source: "Source") -> "Alarm":
    """What is wrong is written down in the store, once, and that it is over: who looks there sees no log line."""
    from drkit.cli.running import journal_of
    from drkit.wiring import clock

    journal = journal_of(call, source, "follow", source.key)

    def alarm(trouble: DrkitError | None) -> None:
        if journal.failing is (trouble is not None):
            return
        now = clock()
        if trouble:
            journal.failed(now, now, trouble, call.console.redact(str(trouble)))
        else:
            journal.done(now)
            journal.tidy(now)

    return alarm


@contextmanager
def _stopping() -> "Iterator[Stop]":
    """The first signal asks it to end with what it has heard; a second one interrupts it."""
    from drkit.follow.voice import Stop

    stop = Stop()

    def ask(_signal: int, _frame: "FrameType | None") -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.ask()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Rebase:
    """A base backup by a process of its own, one at a time; it is ended with us."""

    def __init__(self, call: Call, source: "Source") -> None:
        config = ["--config", str(call.config)]
        if call.relative_to:  # as the daemon's children are given a copy
            config += ["--relative-to", str(call.relative_to)]
        self._command = [sys.executable, "-m", "drkit", *config, "backup", "now", source.name]
        self.child: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        if self.child is None or self.child.poll() is not None:
            self.child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@contextmanager
def _rebasing(call: Call, source: "Source") -> Iterator[_Rebase]:
    rebase = _Rebase(call, source)
    try:
        yield rebase
    finally:
        if rebase.child and rebase.child.poll() is None:
            rebase.child.terminate()
            rebase.child.wait()
