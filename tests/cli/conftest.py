"""A shop that was captured a moment ago, made once for many tests; a test that changes anything copies it first."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from cli_runner import Drkit, drkit_in
from drkit.backup import back_up
from drkit.config import load_system
from drkit.engines.sqlite import SqliteEngine
from drkit.keyring import open_seal
from drkit.stores.local import LocalStore
from drkit.timetable import PATIENCE
from drkit.when import parse_moment

_OLD = PATIENCE.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class Shop:
    drkit: Drkit
    folder: Path

    @property
    def schedule(self) -> Path:
        return self.folder / "schedules" / "shop.toml"

    def edit(self, old: str, new: str) -> None:
        text = self.schedule.read_text()
        assert old in text
        self.schedule.write_text(text.replace(old, new))

    def objects(self, suffix: str = "") -> list[Path]:
        """All but the records of runs."""
        found = (self.folder / "backups").rglob(f"*{suffix}")
        return sorted(path for path in found if path.is_file() and "runs" not in path.parts)

    def ids(self) -> list[str]:
        """The points' IDs, oldest first."""
        return [path.parent.name for path in self.objects("manifest.json")]

    @contextmanager
    def with_tree(self, megabytes: int) -> Iterator[None]:
        """A second source, shop/tree: a file that cannot be compressed, gone at the end to spare the disk. No run of it
        falls due, but for the first."""
        with self.schedule.open("a") as schedule:
            schedule.write('[sources.tree]\nkind = "files"\npath = "../tree"\nbackup = "0 0 1 1 *"\n')
        large = self.folder / "tree" / "large"
        large.parent.mkdir()
        block = os.urandom(4 << 20)
        with large.open("wb") as file:
            for _ in range(megabytes // 4):
                file.write(block)
        yield
        large.unlink()

    def capture_at(self, *moments: str) -> None:
        """Real points of other times: captured here and now, by a clock that shows those."""
        system = load_system(self.schedule)
        store = LocalStore(self.folder / "backups")
        for moment in map(parse_moment, moments):
            engine = SqliteEngine(self.folder / "shop.db", clock=lambda moment=moment: moment)
            back_up("shop/main", engine, store, open_seal(system), lambda moment=moment: moment, "0" * 8, "a test")


def make_database(path: Path, rows: int = 500) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table orders (id integer primary key, customer text)")
        database.executemany("insert into orders (customer) values (?)", [(f"customer {n}",) for n in range(rows)])


def capture_shop(folder: Path) -> None:
    drkit = drkit_in(folder)
    make_database(folder / "shop.db")
    drkit.ok("init", "--name", "shop", "--path", "shop.db")
    shop = Shop(drkit, folder)
    # a copy of this folder must not look back at it
    shop.edit(f'"{folder}/shop.db"', '"../shop.db"')
    shop.edit(f'"file://{folder}/backups"', '"env:SHOP_STORE"')
    drkit.ok("backup", "now", SHOP_STORE=f"file://{folder}/backups")


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Where the shop stands. Its point is so young that no backup after it can be overdue before the test has ended, at
    whatever minute that begins."""
    made: list[tuple[float, Path]] = []

    def young() -> Path:
        if not made or monotonic() - made[-1][0] > _OLD:
            made.append((monotonic(), tmp_path_factory.mktemp("captured") / "shop"))
            capture_shop(made[-1][1])
        return made[-1][1]

    return young


def copy_shop(made: Path, folder: Path) -> Shop:
    """The store of the copy is its own."""
    shutil.copytree(made, folder)
    drkit = drkit_in(folder)
    return Shop(replace(drkit, environment={**drkit.environment, "SHOP_STORE": f"file://{folder}/backups"}), folder)


@pytest.fixture
def shop(captured: Callable[[], Path], tmp_path: Path) -> Shop:
    """A shop of one's own with one point in time."""
    return copy_shop(captured(), tmp_path / "shop")


def stands(shop: Shop, code: int) -> dict[str, Any]:
    """What `drkit status` says of its one source."""
    done = shop.drkit("status", "--json")
    assert done.code == code, done
    [source] = done.document["sources"]
    assert source["healthy"] == (code == 0)
    assert bool(source["troubles"]) == (code != 0)
    return dict(source)


@pytest.fixture
def empty(tmp_path: Path) -> Shop:
    """A folder with a database and nothing else."""
    folder = tmp_path / "shop"
    drkit = drkit_in(folder)
    make_database(folder / "shop.db")
    return Shop(drkit, folder)
