"""A busy shop: a child process that commits orders, with their items and totals, as fast as it is let.

Run as a program it is the child; imported, it makes shops, runs children and checks books. Standard library only.
"""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, total INTEGER NOT NULL, written_at TEXT NOT NULL);
CREATE TABLE items (order_id INTEGER NOT NULL REFERENCES orders, line INTEGER NOT NULL, price INTEGER NOT NULL,
                    PRIMARY KEY (order_id, line)) WITHOUT ROWID;
CREATE INDEX orders_by_customer ON orders (customer);
"""


def make_shop(path: Path, journal_mode: str = "wal", page_size: int = 4096, orders: int = 50) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {page_size}")
        database.execute(f"PRAGMA journal_mode = {journal_mode}")
        database.executescript(SCHEMA)
        database.execute("BEGIN")
        for _ in range(orders):
            place_order(database)
        database.execute("COMMIT")
    return path


def place_order(database: Any) -> None:
    """Within the caller's transaction; `written_at` is before its commit, never after.

    For a connection of sqlite3 or of apsw. Two of these in one process do not see each other's locks, so a test that
    has a lock held in its own process holds it with the library under test."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    (number,) = database.execute("SELECT coalesce(max(id), 0) + 1 FROM orders").fetchone()
    prices = [(number * 37 + line * 11) % 9000 + 1 for line in range(1, number % 5 + 2)]
    database.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", (number, f"customer {number % 97}", sum(prices), now))
    database.executemany("INSERT INTO items VALUES (?, ?, ?)", [(number, i, price) for i, price in enumerate(prices)])


@contextmanager
def open_shop(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A shop that commits orders until the block ends. At least one was committed when the block begins."""
    child = subprocess.Popen([sys.executable, __file__, str(path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        yield child
        assert child.poll() is None, "the shop had to close: see its traceback"
    finally:
        child.kill()
        child.communicate()


def last_order(path: Path) -> int:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        (number,) = database.execute("SELECT coalesce(max(id), 0) FROM orders").fetchone()
        return int(number)


def last_written_at(path: Path) -> datetime:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        (text,) = database.execute("SELECT max(written_at) FROM orders").fetchone()
        return datetime.fromisoformat(text)


def unbalanced_orders(path: Path) -> list[int]:
    """Orders whose items are missing or do not add up to the total."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        return [
            number
            for (number,) in database.execute(
                "SELECT id FROM orders WHERE total IS NOT (SELECT sum(price) FROM items WHERE order_id = id)"
            )
        ]


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        return list(database.iterdump())


def keep_selling(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
        first = True
        while True:
            database.execute("BEGIN IMMEDIATE")
            place_order(database)
            database.execute("COMMIT")
            if first:
                print("open", flush=True)
                first = False
            time.sleep(0.001)  # with no gap at all, sqlite3's own way of waiting starves every reader for seconds


if __name__ == "__main__":
    keep_selling(Path(sys.argv[1]))
