"""The story: a live shop is backed up, ruined by one careless UPDATE, restored to the moment before, compared.

It types the same commands that a person would, as child processes, and shows their output as it is.
"""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from drkit.demo.shop import Order, open_shop, read_orders, read_receipts
from drkit.errors import ObjectiveMissed
from drkit.when import format_moment, parse_moment

Say = Callable[[str], None]
Orders = dict[int, Order]
_CARELESS = "update orders set total = 0"
_ORDERS_BETWEEN = 60
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """What the demo found out. `later` are orders placed after the restored moment; no backup could hold them."""

    folder: Path
    ruined_at: datetime
    reached: datetime
    equal: int
    differing: int
    later: int
    ruined: int


def tell(folder: Path, say: Say) -> Told:
    shop, receipts, restored = folder / "shop.db", folder / "receipts.jsonl", folder / "shop-restored.db"
    open_shop(shop)
    say("A shop takes orders all the time. drkit is set up beside it:")
    _drkit(folder, say, "init", "--name", "shop", "--path", "shop.db")
    with _trading(shop, receipts):
        for _ in range(3):
            _await_orders(receipts, _ORDERS_BETWEEN)
            _drkit(folder, say, "backup", "now")
        _await_orders(receipts, _ORDERS_BETWEEN)
        before = datetime.now(UTC)
        ruined = _ruin(shop)
        say(f"At {format_moment(before)} somebody forgets a WHERE:\n\n  sqlite> {_CARELESS};\n")
        _await_orders(receipts, _ORDERS_BETWEEN)
        say("The shop goes on, and so do its backups. The newest one now holds the damage:")
        _drkit(folder, say, "backup", "now")
    say("So not the latest point, but the newest one at or before that moment:")
    answer = _drkit(folder, say, "restore", "shop", "--at", format_moment(before), "--to", restored.name)
    reached = parse_moment(answer.split(" as of ")[1].split()[0])
    return _compare(folder, read_receipts(receipts), read_orders(restored), before, reached, ruined)


def _compare(
    folder: Path, receipts: Orders, restored: Orders, before: datetime, reached: datetime, ruined: int
) -> Told:
    """Every order of the shop's own receipts up to the restored moment, against the restored database, row by row."""
    due = {number for number, order in receipts.items() if datetime.fromisoformat(order.placed_at) <= reached}
    # the newest order may have been placed before the snapshot and committed after it: it may be there or not
    due = {number for number in due if number in restored or number != max(due)}
    equal = sum(restored.get(number) == receipts.get(number) for number in due | set(restored))
    differing = len(due | set(restored)) - equal
    if differing:
        raise ObjectiveMissed(f"{differing} restored orders differ from the shop's receipts", f"look into {folder}")
    return Told(folder, before, reached, equal, differing, len(receipts) - equal, ruined)


def _drkit(folder: Path, say: Say, *arguments: str) -> str:
    say(f"  $ drkit {' '.join(arguments)}")
    command = [sys.executable, "-m", "drkit", *arguments]
    # what the user has set for systems of their own must not reach the demo's
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRKIT_")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ObjectiveMissed(f"`drkit {arguments[0]}` ended with {done.returncode}: {done.stderr}", f"see {folder}")
    say("".join(f"  {line}\n" for line in done.stdout.splitlines()))
    return done.stdout


@contextmanager
def _trading(shop: Path, receipts: Path) -> Iterator[None]:
    receipts.touch()
    child = subprocess.Popen([sys.executable, "-m", "drkit.demo.shop", str(shop), str(receipts)])
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


def _ruin(shop: Path) -> int:
    with closing(sqlite3.connect(shop, timeout=30)) as connection, connection:
        return connection.execute(_CARELESS).rowcount
