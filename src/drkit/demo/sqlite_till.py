"""The shop's database when it is SQLite."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from drkit.demo.shop import Order

_SCHEMA = """
pragma journal_mode = wal;
create table orders (id integer primary key, placed_at text not null, customer text not null, total integer not null);
create table order_items (order_id integer not null references orders, product text not null, cents integer not null);
create index order_items_by_order on order_items (order_id);
"""


@dataclass(frozen=True, slots=True)
class SqliteTill:
    database: Path

    def open(self) -> None:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.executescript(_SCHEMA)

    def take(self, orders: Iterable[Order]) -> Iterator[Order]:
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            for order in orders:
                with connection:
                    row = (order.id, order.placed_at, order.customer, order.total)
                    connection.execute("insert into orders values (?, ?, ?, ?)", row)
                    items = [(order.id, *item) for item in order.items]
                    connection.executemany("insert into order_items values (?, ?, ?)", items)
                yield order

    def ruin(self, statement: str) -> int:
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            return connection.execute(statement).rowcount

    def orders(self) -> dict[int, Order]:
        with closing(sqlite3.connect(f"{self.database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            items: dict[int, list[tuple[str, int]]] = {}
            for order_id, product, cents in connection.execute("select * from order_items order by rowid"):
                items.setdefault(order_id, []).append((product, cents))
            rows = connection.execute("select id, placed_at, customer, total from orders")
            return {
                number: Order(number, placed_at, customer, total, tuple(items.get(number, ())))
                for number, placed_at, customer, total in rows
            }
