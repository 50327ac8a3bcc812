"""A SQLite file that is replaced, vacuumed or checkpointed between two backups, while nobody watches."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fault_system import BOOKS, make_system
from sqlite_shop import dump, make_shop, place_order


def replace_it(shop: Path) -> None:
    """By another one of the same name, as a restore or an upgrade does it."""
    make_shop(shop.with_name("other.db"), "wal", page_size=8192, orders=7).replace(shop)


def vacuum(shop: Path) -> None:
    with closing(sqlite3.connect(shop, isolation_level=None)) as application:
        application.execute("DELETE FROM items WHERE order_id < 20")
        application.execute("DELETE FROM orders WHERE id < 20")
        application.execute("VACUUM")


def checkpoint(shop: Path) -> None:
    """The log is gone, and its content is in the file."""
    with closing(sqlite3.connect(shop, isolation_level=None)) as application:
        application.execute("PRAGMA journal_mode = wal")
        place_order(application)
        application.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def change_the_journal(shop: Path) -> None:
    with closing(sqlite3.connect(shop, isolation_level=None)) as application:
        application.execute("PRAGMA journal_mode = wal")
        place_order(application)
        application.execute("PRAGMA journal_mode = delete")


@pytest.mark.parametrize("upheaval", [replace_it, vacuum, checkpoint, change_the_journal])
def test_what_happened_to_a_database_between_two_backups_is_in_the_second_and_not_in_the_first(
    tmp_path: Path, upheaval: Callable[[Path], None]
) -> None:
    system = make_system(tmp_path / "shop")
    shop = system.folder / "shop.db"
    first = dump(shop)
    assert system.run("backup", "now", BOOKS).code == 0
    upheaval(shop)
    second = dump(shop)
    assert first != second
    assert system.run("backup", "now", BOOKS).code == 0
    for point, wanted in zip(system.points(BOOKS), (first, second), strict=True):
        system.restore(point, tmp_path / f"{point.id}.db")
        assert dump(tmp_path / f"{point.id}.db") == wanted
