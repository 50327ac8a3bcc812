"""The restaurant as it is run: its application, its volume, its team; and its books, which a person may check."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from patience import await_true
from postgres.programs import find_programs
from servers.moto_process import moto_server
from systems.team import Team, make_buckets, s3_environment, team_of

APPLICATION = Path(__file__).parent / "pupuseria_app"
TORN = """
SELECT id FROM orders WHERE total <> coalesce((SELECT sum(price) FROM order_items WHERE order_id = orders.id), 0)
UNION ALL SELECT order_id FROM order_items WHERE order_id NOT IN (SELECT id FROM orders)"""
ALL = (
    "SELECT orders.id, total, dish, price FROM orders JOIN order_items ON order_id = orders.id ORDER BY order_items.id"
)


@dataclass(frozen=True, slots=True)
class Evening:
    """The restaurant while it takes orders."""

    process: "subprocess.Popen[bytes]"
    paper: Path

    def last(self) -> int:
        """The number of the last order that is surely committed."""
        told = self.paper.read_text().rpartition("\n")[0].split()
        return int(told[-1]) if told else 0

    def await_orders(self, more: int) -> int:
        wanted = self.last() + more
        await_true(lambda: self.last() >= wanted, self.process)
        return self.last()


@dataclass(frozen=True, slots=True)
class Restaurant:
    team: Team

    @property
    def data(self) -> Path:
        return self.team.home / "data"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.data}/restaurant.db"

    @contextmanager
    def open(self, url: str | None = None) -> Iterator[Evening]:
        """It is killed at the end, with an order half taken as a rule."""
        paper = self.team.home / f"orders-{len(list(self.team.home.glob('orders-*')))}"
        environment = {"DATABASE_URL": url or self.url, "UPLOADS": f"{self.data}/uploads", "PATH": os.environ["PATH"]}
        with paper.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "serve.py"],
                cwd=self.team.home,
                env=environment,
                stdout=out,
                start_new_session=True,
            )
        evening = Evening(process, paper)
        try:
            evening.await_orders(30)
            yield evening
            evening.await_orders(1)
        finally:
            process.kill()
            process.wait()

    def lose_the_volume(self) -> None:
        shutil.rmtree(self.data)


def sqlite_rows(database: Path, query: str = ALL) -> list[tuple[int, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def postgres_rows(dsn: str, query: str = ALL) -> list[tuple[int, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def restaurant_of(folder: Path) -> Iterator[Restaurant]:
    """With a bucket, by one clock for both."""
    with (
        team_of(folder, "pupuseria", find_programs(17)) as team,
        moto_server(folder, team.clock.environment) as s3,
    ):
        make_buckets(s3, team.schedule)
        shutil.copytree(APPLICATION, team.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (team.home / "data").mkdir()
        yield Restaurant(team.given(**s3_environment(s3)))


def uploads_in(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_size for each in os.scandir(folder)}
