"""Real-looking rows: names, mails, amounts, words and tokens, so that neither a compressor nor an index has it easy."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

_BATCH = 100_000


def make_shop(path: Path, size: int) -> None:
    """A SQLite database in WAL mode of about `size` bytes; made once and kept."""
    if path.exists():
        return
    fresh = path.with_suffix(".making")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as connection:
        connection.executescript(
            "pragma journal_mode = wal; pragma synchronous = off;"
            "create table orders (id integer primary key, customer integer, created_at text, status text, total real,"
            " name text, email text, note text, token text)"
        )
        made = 0
        while connection.execute("pragma page_count").fetchone()[0] * 4096 < size * 0.88:
            with connection:
                connection.executemany("insert into orders values (?, ?, ?, ?, ?, ?, ?, ?, ?)", _orders(made, _BATCH))
            made += _BATCH
        connection.executescript(
            "create index by_customer on orders (customer); create index by_token on orders (token)"
        )
        connection.execute("pragma wal_checkpoint(truncate)")
    fresh.rename(path)


def _orders(first: int, count: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(first)
    words = ["".join(chance.choices("aeioubcdfglmnprst", k=chance.randint(3, 11))) for _ in range(20_000)]
    at = datetime(2025, 1, 1)  # noqa: DTZ001  a column of the shop's
    for number in range(first + 1, first + count + 1):
        at += timedelta(seconds=chance.expovariate(1 / 9))
        yield (
            number,
            chance.randrange(1, 200_000),
            at.isoformat(timespec="milliseconds"),
            chance.choice(("paid", "open", "shipped", "refunded")),
            round(chance.lognormvariate(3, 1), 2),
            f"{chance.choice(words).title()} {chance.choice(words).title()}",
            f"{chance.choice(words)}{chance.randrange(1000)}@{chance.choice(words)}.example",
            " ".join(chance.choices(words, k=chance.randrange(4, 30))),
            f"{chance.getrandbits(128):032x}",
        )
