"""A small shop that takes an order every few milliseconds, and keeps a receipt of each one outside its database.

It stands for the user's application: it knows nothing of drkit. Run as `python -m drkit.demo.shop DATABASE RECEIPTS`.
"""

import json
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

_SCHEMA = """
pragma journal_mode = wal;
create table orders (id integer primary key, placed_at text not null, customer text not null, total integer not null);
create table order_items (order_id integer not null references orders, product text not null, cents integer not null);
create index order_items_by_order on order_items (order_id);
"""
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


def open_shop(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(_SCHEMA)


def trade(database: Path, receipts: Path) -> None:
    """Takes orders until it is told to stop."""
    chance = random.Random(20261120)  # noqa: S311  orders, not keys
    with closing(sqlite3.connect(database, timeout=30)) as connection, receipts.open("a") as paper:
        for number in range(1, sys.maxsize):
            items = tuple(chance.choices(list(_MENU.items()), k=chance.randint(1, 4)))
            placed_at = datetime.now(UTC).isoformat()
            who = chance.choice(_CUSTOMERS)
            order = Order(number, placed_at, who, sum(cents for _, cents in items), items)
            with connection:
                connection.execute("insert into orders values (?, ?, ?, ?)", (number, placed_at, who, order.total))
                connection.executemany("insert into order_items values (?, ?, ?)", [(number, *item) for item in items])
            paper.write(json.dumps(asdict(order)) + "\n")
            paper.flush()
            time.sleep(_BETWEEN_ORDERS)


def read_orders(database: Path) -> dict[int, Order]:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        items: dict[int, list[tuple[str, int]]] = {}
        for order_id, product, cents in connection.execute("select * from order_items order by rowid"):
            items.setdefault(order_id, []).append((product, cents))
        rows = connection.execute("select id, placed_at, customer, total from orders")
        return {
            number: Order(number, placed_at, customer, total, tuple(items.get(number, ())))
            for number, placed_at, customer, total in rows
        }


def read_receipts(receipts: Path) -> dict[int, Order]:
    found = {}
    for line in receipts.read_text().splitlines():
        fields = json.loads(line)
        fields["items"] = tuple((product, cents) for product, cents in fields["items"])
        found[fields["id"]] = Order(**fields)
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    trade(Path(sys.argv[1]), Path(sys.argv[2]))
