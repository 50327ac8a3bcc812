"""A restore publishes a checked file under a free name, or nothing."""

import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from drkit.engines.sqlite import SqliteEngine
from drkit.errors import IntegrityError, NotRestorable, UsageError
from drkit.model import Piece, Wishes
from sqlite_shop import dump, last_order, make_shop, place_order
from sqlite_vault import Vault, capture, child_at, clock_that, listing, restore, run_child, utc_now


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return make_shop(tmp_path / "source" / "shop.db", "wal", orders=500)


@pytest.fixture
def engine(shop: Path) -> SqliteEngine:
    return SqliteEngine(shop, lock_timeout=timedelta(seconds=0.1), clock=utc_now)


@pytest.fixture
def vault(engine: SqliteEngine) -> Vault:
    return capture(engine)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def test_a_restored_file_stands_alone_and_only_its_owner_may_read_it(
    engine: SqliteEngine, vault: Vault, shop: Path, place: Path
) -> None:
    restored = restore(engine, vault, place / "new.db")
    assert restored.target == str(place / "new.db")
    assert restored.kept_old is None
    assert restored.notes == ()
    assert [path.name for path in place.iterdir()] == ["new.db"]
    assert stat.S_IMODE((place / "new.db").stat().st_mode) == 0o600
    assert dump(place / "new.db") == dump(shop)


@pytest.mark.parametrize("name", ["new.db", "new.db-wal", "new.db-journal", "new.db-shm"])
def test_a_target_that_exists_even_in_part_is_refused_and_left_alone(
    engine: SqliteEngine, vault: Vault, place: Path, name: str
) -> None:
    (place / name).write_bytes(b"mine")
    with pytest.raises(UsageError, match=f"{place}/{name} exists") as caught:
        engine.check_target(str(place / "new.db"), Wishes())
    assert "--swap" in caught.value.hint
    with pytest.raises(UsageError):
        restore(engine, vault, place / "new.db")
    assert [(path.name, path.read_bytes()) for path in place.iterdir()] == [(name, b"mine")]


def test_a_target_that_cannot_be_a_database_is_refused_with_what_to_do(engine: SqliteEngine, place: Path) -> None:
    for swap in (False, True):
        with pytest.raises(UsageError, match=f"{place} is a folder"):
            engine.check_target(str(place), Wishes(swap=swap))
        with pytest.raises(UsageError, match=f"The folder {place}/a/b does not exist") as caught:
            engine.check_target(str(place / "a" / "b" / "new.db"), Wishes(swap=swap))
        assert caught.value.hint == f"Make it with `mkdir -p {place}/a/b`."
        engine.check_target(str(place / "new.db"), Wishes(swap=swap))
    os.mkfifo(place / "pipe")
    with pytest.raises(UsageError, match="is not a regular file"):
        engine.check_target(str(place / "pipe"), Wishes(swap=True))
    (place / "dangling.db").symlink_to(place / "nowhere")
    with pytest.raises(UsageError, match="exists"):
        engine.check_target(str(place / "dangling.db"), Wishes())


@pytest.mark.parametrize("change", [-1, 1])
def test_a_piece_of_another_length_than_was_captured_is_refused_and_the_name_stays_free(
    engine: SqliteEngine, vault: Vault, place: Path, change: int
) -> None:
    assert vault.captured is not None
    (piece,) = vault.captured.pieces
    vault.captured = replace(vault.captured, pieces=(replace(piece, plain_bytes=piece.plain_bytes + change),))
    with pytest.raises(IntegrityError, match=f"bytes of the|more than the {piece.plain_bytes + change} bytes"):
        restore(engine, vault, place / "new.db")
    assert listing(place) == {}


def test_a_load_that_fails_half_way_leaves_the_name_free(engine: SqliteEngine, vault: Vault, place: Path) -> None:
    def load(piece: Piece) -> Iterator[bytes]:
        yield vault.kept[piece.name][0][:5000]
        raise IntegrityError(f"{piece.key} was tampered with")

    with pytest.raises(IntegrityError, match="was tampered with"):
        engine.restore(vault.manifest, load, str(place / "new.db"), Wishes())
    assert listing(place) == {}


def test_a_manifest_without_the_database_is_refused(engine: SqliteEngine, vault: Vault, place: Path) -> None:
    empty = replace(vault.manifest, pieces=())
    with pytest.raises(IntegrityError, match="names no piece 'database'"):
        engine.restore(empty, vault.load, str(place / "new.db"), Wishes())


@pytest.mark.parametrize("name", ["new.db", "new.db-wal"])
def test_a_target_that_comes_into_being_meanwhile_is_left_as_it_is(
    engine: SqliteEngine, vault: Vault, place: Path, name: str
) -> None:
    def load(piece: Piece) -> Iterator[bytes]:
        (place / name).write_bytes(b"mine")
        yield from vault.kept[piece.name]

    with pytest.raises(NotRestorable, match=f"{place}/{name} came into being"):
        engine.restore(vault.manifest, load, str(place / "new.db"), Wishes())
    assert listing(place) == {name: b"mine"}


def test_of_two_restores_at_once_to_one_target_the_second_is_refused(
    engine: SqliteEngine, vault: Vault, shop: Path, place: Path
) -> None:
    def load(piece: Piece) -> Iterator[bytes]:
        with pytest.raises(NotRestorable, match=f"Another restore to {place}/new.db is under way"):
            restore(engine, vault, place / "new.db")
        yield from vault.kept[piece.name]

    engine.restore(vault.manifest, load, str(place / "new.db"), Wishes())
    assert [path.name for path in place.iterdir()] == ["new.db"]
    assert dump(place / "new.db") == dump(shop)


def test_a_stale_partial_that_is_a_second_name_of_a_published_file_is_never_written_into(
    engine: SqliteEngine, vault: Vault, place: Path
) -> None:
    (place / "published.db").write_bytes(b"precious")
    (place / "new.db.drkit-partial").hardlink_to(place / "published.db")
    restore(engine, vault, place / "new.db")
    assert (place / "published.db").read_bytes() == b"precious"
    assert sorted(path.name for path in place.iterdir()) == ["new.db", "published.db"]


def test_a_target_without_room_is_refused_before_a_byte_is_fetched(
    engine: SqliteEngine, vault: Vault, place: Path
) -> None:
    assert vault.captured is not None
    (piece,) = vault.captured.pieces
    needed = 2 * shutil.disk_usage(place).free
    manifest = replace(vault.manifest, pieces=(replace(piece, plain_bytes=needed),))
    fetched: list[bytes] = []

    def load(piece: Piece) -> Iterator[bytes]:
        fetched.extend(vault.kept[piece.name])
        yield from fetched

    with pytest.raises(NotRestorable, match=f"There is no room for {place}/new.db: it takes {needed} bytes"):
        engine.restore(manifest, load, str(place / "new.db"), Wishes())
    assert fetched == []
    assert listing(place) == {}


def test_a_disk_that_takes_no_more_is_told_by_the_target_and_the_name_stays_free(shop: Path, place: Path) -> None:
    code = """
import resource
engine = SqliteEngine(Path(sys.argv[1]), clock=utc_now)
vault = capture(engine)
resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960))
try:
    restore(engine, vault, Path(sys.argv[2]))
except DrkitError as error:
    print(error, error.exit_code)
"""
    assert run_child(code, shop, place / "new.db") == f"{place}/new.db could not be written: File too large 6\n"
    assert listing(place) == {}


def test_a_folder_that_may_not_be_written_is_told_by_the_target(shop: Path, tmp_path: Path) -> None:
    code = """
engine = SqliteEngine(Path(sys.argv[1]), clock=utc_now)
vault = capture(engine)
drop_privileges()
try:
    restore(engine, vault, Path("/proc/new.db"))
except DrkitError as error:
    print(error.exit_code, "/proc/new.db" in str(error))
"""
    assert run_child(code, shop) == "6 True\n"


def test_swap_on_a_free_name_is_a_plain_restore(engine: SqliteEngine, vault: Vault, shop: Path, place: Path) -> None:
    assert restore(engine, vault, place / "new.db", Wishes(swap=True)).kept_old is None
    assert [path.name for path in place.iterdir()] == ["new.db"]
    assert dump(place / "new.db") == dump(shop)


@pytest.mark.parametrize("left", ["log", "journal", "nothing"])
def test_swap_keeps_the_old_database_whole_under_another_name(
    engine: SqliteEngine, vault: Vault, shop: Path, place: Path, left: str
) -> None:
    old = make_shop(place / "app.db", "delete" if left == "journal" else "wal", orders=3000)
    if left != "nothing":
        crash_in_mid_sale(old)
    names = {path.name.removeprefix("app.db") for path in place.iterdir()}
    old.chmod(0o640)
    restored = restore(engine, vault, old, Wishes(swap=True))
    assert restored.kept_old is not None
    kept = Path(restored.kept_old)
    assert kept.name.startswith("app.db.before-20")
    assert {path.name for path in place.iterdir()} == {"app.db"} | {kept.name + suffix for suffix in names}
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert dump(old) == dump(shop)
    assert last_order(kept) == (3001 if left == "log" else 3000)
    with closing(sqlite3.connect(kept)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def crash_in_mid_sale(path: Path) -> None:
    """One order is committed, a big change is not."""
    code = """
from sqlite_shop import place_order
shop = apsw.Connection(sys.argv[1])
shop.execute("PRAGMA cache_size = 5; BEGIN")
if "wal" in sys.argv[2]:
    place_order(shop)
    shop.execute("COMMIT; BEGIN")
shop.execute("UPDATE items SET price = price + 1")
wait_here("in mid sale")
"""
    with closing(sqlite3.connect(path)) as database:
        (mode,) = database.execute("PRAGMA journal_mode").fetchone()
    with child_at("in mid sale", code, path, mode):
        pass


def test_swap_refuses_a_database_that_is_in_use_before_a_byte_is_fetched(
    engine: SqliteEngine, vault: Vault, place: Path
) -> None:
    old = make_shop(place / "app.db", "wal")
    with closing(apsw.Connection(str(old))) as application:
        application.execute("SELECT 1 FROM orders").fetchall()
        before = listing(place)
        with pytest.raises(NotRestorable, match=f"{old} is in use by another process since 20") as caught:
            engine.restore(vault.manifest, lambda _: pytest.fail("fetched"), str(old), Wishes(swap=True))
        assert "fuser" in caught.value.hint
        assert listing(place) == before
        with application:
            place_order(application)
    assert last_order(old) == 51


def test_swap_puts_the_old_back_with_its_log_when_the_new_cannot_take_its_place(
    shop: Path, vault: Vault, place: Path
) -> None:
    old = make_shop(place / "app.db", "wal", orders=3000)
    crash_in_mid_sale(old)
    before = listing(place)
    ruin = clock_that((place / "app.db.drkit-partial").unlink, at_call=3)
    with pytest.raises(NotRestorable, match=r"app\.db could not be written"):
        restore(SqliteEngine(shop, clock=ruin), vault, old, Wishes(swap=True))
    assert listing(place) == before
    assert last_order(old) == 3001


def test_swap_goes_through_a_link_to_the_file_itself(
    engine: SqliteEngine, vault: Vault, shop: Path, place: Path
) -> None:
    old = make_shop(place / "real.db", "delete")
    (place / "link.db").symlink_to(old)
    restored = restore(engine, vault, place / "link.db", Wishes(swap=True))
    assert restored.kept_old is not None
    assert Path(restored.kept_old).name.startswith("real.db.before-")
    assert (place / "link.db").is_symlink()
    assert dump(old) == dump(shop)


def test_the_lines_by_hand_restore_the_same_and_overwrite_nothing(
    engine: SqliteEngine, vault: Vault, shop: Path, place: Path
) -> None:
    stored = place / "it's stored"
    stored.write_bytes(b"".join(vault.kept["database"]))
    target = place / "by hand; rm -rf.db"
    lines = engine.by_hand(vault.manifest, lambda _: f'cat "{stored}"', str(target))
    subprocess.run(["sh", "-euc", "\n".join(lines)], check=True)
    assert dump(target) == dump(shop)
    again = subprocess.run(["sh", "-euc", "\n".join(lines)], check=False, capture_output=True)
    assert again.returncode != 0
    assert dump(target) == dump(shop)
