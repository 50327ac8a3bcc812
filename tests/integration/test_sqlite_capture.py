"""A live SQLite database, captured under load, comes back whole and leaves no trace of the capture."""

import os
import sqlite3
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

import apsw
import pytest

from drkit.engines.sqlite import SqliteEngine
from drkit.errors import CaptureError
from drkit.model import Digest, Piece
from drkit.ports import Chunks, Save
from sqlite_shop import dump, last_order, last_written_at, make_shop, open_shop, place_order, unbalanced_orders
from sqlite_vault import Vault, capture, clock_that, listing, restore, utc_now

JOURNALS = pytest.mark.parametrize("journal_mode", ["wal", "delete", "truncate", "persist"])


def sell(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as database, database:
        place_order(database)


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_capture_under_a_busy_shop_has_all_that_was_committed_before_and_nothing_later_than_its_moment(
    tmp_path: Path, journal_mode: str
) -> None:
    shop = make_shop(tmp_path / "shop.db", journal_mode, orders=2000)
    engine = SqliteEngine(shop, clock=utc_now)
    with open_shop(shop):
        for round_ in range(4):
            sold_before = last_order(shop)
            vault = capture(engine)
            back = tmp_path / f"back-{round_}.db"
            restore(engine, vault, back)
            assert unbalanced_orders(back) == []
            assert last_order(back) >= sold_before
            assert last_written_at(back) <= vault.begun[0]
    assert unbalanced_orders(shop) == []


@pytest.mark.parametrize("page_size", [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_what_comes_back_equals_what_was_captured_at_any_page_size(
    tmp_path: Path, page_size: int, journal_mode: str
) -> None:
    shop = make_shop(tmp_path / "shop.db", journal_mode, page_size)
    engine = SqliteEngine(shop, clock=utc_now)
    restore(engine, capture(engine), tmp_path / "back.db")
    assert dump(tmp_path / "back.db") == dump(shop)
    with closing(sqlite3.connect(tmp_path / "back.db")) as database:
        assert database.execute("PRAGMA page_size").fetchone() == (page_size,)
        assert database.execute("PRAGMA journal_mode").fetchone() == (journal_mode,)


@pytest.mark.parametrize(
    "making",
    [
        "PRAGMA auto_vacuum = full; CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(90000)); DELETE FROM t",
        "PRAGMA auto_vacuum = incremental; CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(90000)); DELETE FROM t",
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a); INSERT INTO t VALUES ('señal €')",
        "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (a); INSERT INTO t VALUES ('señal €')",
        "CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES (2, x'00ff'), (1, NULL)",
        "CREATE TABLE t (a INTEGER, b INTEGER AS (a * 2) STORED) STRICT; INSERT INTO t VALUES (21)",
        "CREATE VIRTUAL TABLE t USING fts5(a); INSERT INTO t VALUES ('the quick fox'), ('the lazy dog')",
        "PRAGMA user_version = 7; PRAGMA application_id = 9; CREATE TABLE t (a CHECK (a)); INSERT INTO t VALUES (1)",
    ],
)
def test_every_kind_of_database_comes_back_as_it_was(tmp_path: Path, making: str) -> None:
    source, back = tmp_path / "source.db", tmp_path / "back.db"
    with closing(apsw.Connection(str(source))) as database:
        database.execute(making).fetchall()
    engine = SqliteEngine(source, integrity="full", clock=utc_now)
    vault = capture(engine)
    assert vault.captured is not None
    assert vault.captured.notes == ()
    restore(engine, vault, back)
    settings = ["encoding", "auto_vacuum", "user_version", "application_id", "page_count", "freelist_count"]
    seen = []
    for path in (source, back):
        with closing(apsw.Connection(str(path))) as database:
            rows = database.execute("SELECT * FROM t").fetchall()
            seen.append((rows, [database.execute(f"PRAGMA {name}").fetchall() for name in settings]))
    assert seen[0] == seen[1]


def test_a_piece_that_spans_many_chunks_comes_back_whole(tmp_path: Path) -> None:
    source = tmp_path / "source.db"
    with closing(apsw.Connection(str(source))) as database:
        database.execute("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (randomblob(9000000)), (randomblob(1000))")
    engine = SqliteEngine(source, clock=utc_now)
    vault = capture(engine)
    assert len(vault.kept["database"]) == 9
    restore(engine, vault, tmp_path / "back.db")
    assert dump(tmp_path / "back.db") == dump(source)


def test_a_commit_after_the_snapshot_stays_out_of_the_copy(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal")
    before = dump(shop)
    with closing(apsw.Connection(str(shop))) as application:
        application.execute("SELECT 1 FROM orders").fetchall()
        engine = SqliteEngine(shop, clock=clock_that(lambda: sell(shop)))
        vault = capture(engine)
    restore(engine, vault, tmp_path / "back.db")
    assert last_order(shop) == 51
    assert dump(tmp_path / "back.db") == before


def test_a_commit_before_the_snapshot_that_is_only_in_the_log_is_in_the_copy(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal")
    with closing(apsw.Connection(str(shop))) as application:
        application.execute("BEGIN")
        place_order(application)
        application.execute("COMMIT")
        engine = SqliteEngine(shop, clock=utc_now)
        restore(engine, capture(engine), tmp_path / "back.db")
    assert last_order(tmp_path / "back.db") == 51


def test_a_writer_with_a_rollback_journal_waits_until_the_copy_is_made(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete")
    refusals: list[str] = []

    def try_to_sell() -> None:
        try:
            sell(shop)
        except apsw.BusyError as error:
            refusals.append(str(error))

    vault = Vault()

    def begin_and_sell(moment: datetime) -> Save:
        sell(shop)
        return vault.begin(moment)

    SqliteEngine(shop, clock=clock_that(try_to_sell)).capture(begin_and_sell)
    assert refusals == ["database is locked"]
    assert last_order(shop) == 51


@pytest.mark.parametrize("upheaval", ["PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "DELETE FROM items"])
def test_a_vacuum_or_a_checkpoint_after_the_snapshot_changes_nothing_in_the_copy(tmp_path: Path, upheaval: str) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal")
    with closing(apsw.Connection(str(shop))) as application:
        application.execute("DELETE FROM items WHERE order_id < 20")
        application.execute("DELETE FROM orders WHERE id < 20")
        before = dump(shop)
        engine = SqliteEngine(shop, clock=clock_that(lambda: application.execute(upheaval).fetchall()))
        restore(engine, capture(engine), tmp_path / "back.db")
    assert dump(tmp_path / "back.db") == before


@pytest.mark.parametrize("state", ["at rest", "in use"])
def test_a_source_that_is_replaced_under_the_capture_is_refused(tmp_path: Path, state: str) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal")
    other = make_shop(tmp_path / "other.db", "delete", orders=3)
    vault = Vault()
    engine = SqliteEngine(shop, clock=clock_that(lambda: other.replace(shop)))
    with closing(apsw.Connection(str(shop))) as application:
        if state == "in use":
            application.execute("SELECT 1 FROM orders").fetchall()
        with pytest.raises(CaptureError, match=r"shop\.db was replaced or removed while it was read"):
            engine.capture(vault.begin)
    assert vault.begun == []


def test_a_database_at_rest_that_is_opened_under_the_capture_is_read_anew(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal", orders=20000)
    with ExitStack() as business:
        engine = SqliteEngine(shop, clock=clock_that(lambda: business.enter_context(open_shop(shop))))
        vault = capture(engine)
        restore(engine, vault, tmp_path / "back.db")
    assert unbalanced_orders(tmp_path / "back.db") == []
    assert last_order(tmp_path / "back.db") > 20000
    assert last_written_at(tmp_path / "back.db") <= vault.begun[0]


@JOURNALS
@pytest.mark.parametrize("in_use", [True, False])
def test_a_capture_leaves_the_source_and_its_folder_as_they_were(
    tmp_path: Path, journal_mode: str, in_use: bool
) -> None:
    folder, spool = tmp_path / "data", tmp_path / "spool"
    folder.mkdir()
    spool.mkdir()
    shop = make_shop(folder / "shop.db", journal_mode)
    with closing(apsw.Connection(str(shop))) as application:
        if in_use:
            application.execute("UPDATE orders SET customer = 'same'")
        before = listing(folder)
        capture(SqliteEngine(shop, spool=spool, clock=utc_now))
        assert listing(folder) == before
    assert list(spool.iterdir()) == []


def test_an_empty_file_is_captured_as_a_database_without_tables_and_a_note_says_so(tmp_path: Path) -> None:
    source = tmp_path / "new.db"
    source.touch()
    engine = SqliteEngine(source, clock=utc_now)
    vault = capture(engine)
    assert vault.captured is not None
    assert vault.captured.notes[0] == f"{source} is empty: a database without tables"
    restore(engine, vault, tmp_path / "back.db")
    with closing(apsw.Connection(str(tmp_path / "back.db"))) as database:
        assert database.execute("SELECT * FROM sqlite_schema").fetchall() == []


def test_a_source_is_found_through_a_link(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.db").symlink_to(shop)
    with closing(apsw.Connection(str(shop))) as application:
        application.execute("DELETE FROM items")
        engine = SqliteEngine(tmp_path / "elsewhere" / "link.db", clock=utc_now)
        restore(engine, capture(engine), tmp_path / "back.db")
    assert unbalanced_orders(tmp_path / "back.db") == list(range(1, 51))


def test_a_name_with_awkward_characters_is_no_obstacle(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "50% off? #1 ñ.db", "wal")
    engine = SqliteEngine(shop, clock=utc_now)
    restore(engine, capture(engine), tmp_path / "50% back? #2 ñ.db")
    assert dump(tmp_path / "50% back? #2 ñ.db") == dump(shop)


def test_a_store_that_fails_leaves_no_copy_behind(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db")
    spool = tmp_path / "spool"
    spool.mkdir()

    def begin(_: datetime) -> Save:
        def save(_: str, chunks: Chunks) -> Piece:
            next(chunks)
            raise ConnectionError("the store is gone")

        return save

    with pytest.raises(ConnectionError):
        SqliteEngine(shop, spool=spool, clock=utc_now).capture(begin)
    assert list(spool.iterdir()) == []


def test_the_copy_has_lost_its_name_before_its_first_byte_is_handed_over(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db")
    spool = tmp_path / "spool"
    spool.mkdir()
    files: list[list[str]] = []

    def begin(_: datetime) -> Save:
        def save(name: str, chunks: Chunks) -> Piece:
            files.append([name for _, _, names in os.walk(spool) for name in names])
            size = sum(len(chunk) for chunk in chunks)
            return Piece(name, name, size, Digest("", size))

        return save

    SqliteEngine(shop, spool=spool, clock=utc_now).capture(begin)
    assert files == [[]]


def test_what_is_found_before_a_capture_says_that_it_will_work(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "wal")
    before = listing(tmp_path)
    findings = list(SqliteEngine(shop, clock=utc_now).check())
    assert [(finding.check, finding.passed) for finding in findings] == [
        ("database", True),
        ("journal", True),
        ("room for the copy", True),
    ]
    assert findings[1].detail == "write-ahead log, and no process has it open"
    assert listing(tmp_path) == before
