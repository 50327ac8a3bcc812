"""A small shop that takes an order every few milliseconds, and keeps a receipt of each one outside its database.

It stands for the user's application: it knows nothing of drkit. Run as `python -m drkit.demo.shop PARENT RECEIPTS`
and what `open_till` takes; it ends when the process PARENT is its parent no more.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

_CUSTOMERS = ("Ana", "Bruno", "Chiyo", "Dele", "Elif", "Fatou", "Gus", "Hana")
_MENU = {"pupusa de queso": 250, "pupusa revuelta": 275, "curtido": 100, "horchata": 325, "platano frito": 400}
_BETWEEN_ORDERS = 0.004


@dataclass(frozen=True, slots=True)
class Order:
    id: int
    placed_at: str
    customer: str
    total: int
    items: tuple[tuple[str, int], ...]


class Till(Protocol):
    """The shop's database. `take` yields each order once it is committed; `ruin` says how many orders it ruined."""

    def open(self) -> None: ...
    def take(self, orders: Iterable[Order]) -> Iterator[Order]: ...
    def ruin(self, statement: str) -> int: ...
    def orders(self) -> dict[int, Order]: ...


def open_till(kind: str, *where: str) -> Till:
    from drkit.demo.postgres_till import PostgresTill
    from drkit.demo.sqlite_till import SqliteTill

    return PostgresTill(*where) if kind == "postgres" else SqliteTill(Path(*where))


def trade(till: Till, receipts: Path, parent: int) -> None:
    with receipts.open("a") as paper:
        for order in till.take(_customers(parent)):
            paper.write(json.dumps(asdict(order)) + "\n")
            paper.flush()
            time.sleep(_BETWEEN_ORDERS)


def _customers(parent: int) -> Iterator[Order]:
    chance = random.Random(20261120)  # noqa: S311  orders, not keys
    number = 0
    while os.getppid() == parent:
        number += 1
        items = tuple(chance.choices(list(_MENU.items()), k=chance.randint(1, 4)))
        placed_at = datetime.now(UTC).isoformat(timespec="microseconds")
        yield Order(number, placed_at, chance.choice(_CUSTOMERS), sum(cents for _, cents in items), items)


def read_receipts(receipts: Path) -> dict[int, Order]:
    return {order.id: order for order in map(read_order, receipts.read_text().splitlines())}


def read_order(line: str) -> Order:
    fields = json.loads(line)
    fields["items"] = tuple((product, cents) for product, cents in fields["items"])
    return Order(**fields)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    trade(open_till(*sys.argv[3:]), Path(sys.argv[2]), parent=int(sys.argv[1]))
