"""The story: a live shop is backed up, ruined by one careless UPDATE, restored to the moment before, compared; and a
restore test is made and reported.

It types the same commands that a person would, as child processes, and shows their output as it is.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drkit.demo.shop import Order, open_till, read_receipts
from drkit.errors import ObjectiveMissed
from drkit.when import format_moment, parse_moment

Say = Callable[[str], None]
Orders = dict[int, Order]
REPORT = "report.html"
_CARELESS = "update orders set total = 0"
_ORDERS_BETWEEN = 60
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story plays: the shop's till and the restored one, as `open_till` takes them, what `drkit init` is
    told of it in arguments and `variables`, and the restore's target. `temporary` is a folder that
    scratch servers reach, `slack` how long before its moment a snapshot may have been taken."""

    folder: Path
    till: tuple[str, ...]
    restored: tuple[str, ...]
    setting: tuple[str, ...]
    target: str
    prompt: str
    variables: Mapping[str, str] = field(default_factory=dict)
    temporary: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    slack: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Told:
    """What the demo found out. `later` are orders placed after the restored moment; no backup could hold them."""

    ruined_at: datetime
    reached: datetime
    equal: int
    differing: int
    later: int
    ruined: int


def tell(stage: Stage, say: Say) -> Told:
    receipts = stage.folder / "receipts.jsonl"
    till = open_till(*stage.till)
    till.open()
    say("A shop takes orders all the time. drkit is set up beside it:")
    for name, value in stage.variables.items():
        say(f"  $ export {name}={shlex.quote(value)}")
    _drkit(stage, say, "init", "--name", "shop", *stage.setting)
    with _trading(stage, receipts):
        for _ in range(3):
            _await_orders(receipts, _ORDERS_BETWEEN)
            _drkit(stage, say, "backup", "now")
        _await_orders(receipts, _ORDERS_BETWEEN)
        before = datetime.now(UTC)
        ruined = till.ruin(_CARELESS)
        say(f"At {format_moment(before)} somebody forgets a WHERE:\n\n  {stage.prompt} {_CARELESS};\n")
        _await_orders(receipts, _ORDERS_BETWEEN)
        say("The shop goes on, and so do its backups. The newest one now holds the damage:")
        _drkit(stage, say, "backup", "now")
    say("So not the latest point, but the newest one at or before that moment:")
    answer = _drkit(stage, say, "restore", "shop", "--at", format_moment(before), "--to", stage.target)
    reached = parse_moment(answer.split(" as of ")[1].split()[0])
    say("What no restore has proven is only a hope. So drkit restores one by itself, looks at it, takes the time:")
    _drkit(stage, say, "verify", "now")
    say("And this is what goes to whoever asks whether the promises are kept:")
    _drkit(stage, say, "report", "--out", REPORT)
    return _compare(stage, read_receipts(receipts), open_till(*stage.restored).orders(), before, reached, ruined)


def _compare(
    stage: Stage, receipts: Orders, restored: Orders, before: datetime, reached: datetime, ruined: int
) -> Told:
    """Every order of the shop's own receipts up to the restored moment, against the restored database, row by row."""
    placed = {number: datetime.fromisoformat(order.placed_at) for number, order in receipts.items()}
    due = {number for number, at in placed.items() if at <= reached}
    # the newest order may have been placed before the snapshot and committed after it: it may be there or not
    open_ended = {number for number in due if number == max(due) or placed[number] > reached - stage.slack}
    due -= {number for number in open_ended if number > max(restored, default=0)}
    equal = sum(restored.get(number) == receipts.get(number) for number in due | set(restored))
    differing = len(due | set(restored)) - equal
    if differing:
        raise ObjectiveMissed(
            f"{differing} restored orders differ from the shop's receipts", f"look into {stage.folder}"
        )
    return Told(before, reached, equal, differing, len(receipts) - equal, ruined)


def _drkit(stage: Stage, say: Say, *arguments: str) -> str:
    say(f"  $ drkit {' '.join(arguments)}")
    command = [sys.executable, "-m", "drkit", *arguments]
    # what the user has set for systems of their own must not reach the demo's
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DRKIT_", "PG"))}
    status, out, err = _run(command, stage.folder, {**own, "TMPDIR": str(stage.temporary), **stage.variables})
    if status:
        raise ObjectiveMissed(f"`drkit {arguments[0]}` ended with {status}: {err}{out}", f"see {stage.folder}")
    say("".join(f"  {line}\n" for line in out.splitlines()))
    return out


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Like the shop it hears of Ctrl-C from us alone, and has all the time that it needs to end what it has begun."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as child:
        try:
            out, err = child.communicate()
        except BaseException:
            child.terminate()
            child.communicate()
            raise
    return child.returncode, out, err


@contextmanager
def _trading(stage: Stage, receipts: Path) -> Iterator[None]:
    """The shop is in a process group of its own: Ctrl-C is for us, and we close the shop."""
    receipts.touch()
    command = [sys.executable, "-m", "drkit.demo.shop", str(os.getpid()), str(receipts), *stage.till]
    child = subprocess.Popen(command, process_group=0)
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def _await_orders(receipts: Path, more: int) -> None:
    wanted = receipts.read_bytes().count(b"\n") + more
    give_up_at = time.monotonic() + _PATIENCE
    while receipts.read_bytes().count(b"\n") < wanted:
        if time.monotonic() > give_up_at:
            raise ObjectiveMissed("the demo's shop takes no orders", f"look into {receipts.parent}")
        time.sleep(0.01)
