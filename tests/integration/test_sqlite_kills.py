"""Killed with SIGKILL at any point, a capture or a restore leaves nothing that the next one does not clear away."""

from pathlib import Path

import pytest

from drkit.engines.sqlite import SqliteEngine
from sqlite_shop import dump, make_shop
from sqlite_vault import capture, child_at, listing, restore, utc_now

CAPTURE = """
def begin(moment):
    def save(name, chunks):
        next(chunks)
        wait_here("in mid capture")
    return save
def at_snapshot():
    wait_here("at the snapshot")
clock = clock_that(at_snapshot) if sys.argv[3] == "at the snapshot" else utc_now
SqliteEngine(Path(sys.argv[1]), spool=Path(sys.argv[2]), clock=clock).capture(begin)
"""
RESTORE = """
from drkit.model import Wishes
engine = SqliteEngine(Path(sys.argv[1]), clock=utc_now)
vault = capture(engine)
def load(piece):
    body = b"".join(vault.kept[piece.name])
    yield body[:50000]
    wait_here("in mid restore")
engine.restore(vault.manifest, load, sys.argv[2], Wishes(swap=sys.argv[3] == "swap"))
"""


@pytest.mark.parametrize("moment", ["at the snapshot", "in mid capture"])
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_killed_capture_leaves_no_data_behind_and_its_folder_goes_with_the_next_run(
    tmp_path: Path, moment: str, journal_mode: str
) -> None:
    data, spool = tmp_path / "data", tmp_path / "spool"
    data.mkdir()
    spool.mkdir()
    shop = make_shop(data / "shop.db", journal_mode)
    before = listing(data)
    with child_at(moment, CAPTURE, shop, spool, moment):
        (folder,) = spool.iterdir()
    assert listing(data) == before
    assert sum(path.stat().st_size for path in folder.iterdir()) == 0
    engine = SqliteEngine(shop, spool=spool, clock=utc_now)
    restore(engine, capture(engine), tmp_path / "back.db")
    assert list(spool.iterdir()) == []
    assert dump(tmp_path / "back.db") == dump(shop)


def test_the_folder_of_a_capture_that_lives_is_not_swept_by_another(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db", "delete")
    spool = tmp_path / "spool"
    spool.mkdir()
    with child_at("at the snapshot", CAPTURE, shop, spool, "at the snapshot"):
        living = list(spool.iterdir())
        capture(SqliteEngine(shop, spool=spool, clock=utc_now))
        assert list(spool.iterdir()) == living


def test_a_copy_whose_process_was_killed_is_swept_and_a_stranger_s_file_is_not(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop.db")
    spool = tmp_path / "spool"
    (spool / "drkit-sqlite-dead").mkdir(parents=True)
    (spool / "drkit-sqlite-dead" / "copy").write_bytes(b"plain data")
    (spool / "drkit-sqlite-notes.txt").write_text("a file, and not a folder")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (spool / "drkit-sqlite-link").symlink_to(tmp_path / "elsewhere")
    capture(SqliteEngine(shop, spool=spool, clock=utc_now))
    assert sorted(path.name for path in spool.iterdir()) == ["drkit-sqlite-link", "drkit-sqlite-notes.txt"]
    assert (tmp_path / "elsewhere" / "kept").exists()


@pytest.mark.parametrize("how", ["plain", "swap"])
def test_a_killed_restore_leaves_a_marked_file_and_running_it_again_succeeds(tmp_path: Path, how: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shop = make_shop(tmp_path / "shop.db", orders=3000)
    target = place / "new.db"
    if how == "swap":
        make_shop(target, "delete", orders=3)
    before = listing(place)
    with child_at("in mid restore", RESTORE, shop, target, how):
        pass
    left = listing(place)
    assert len(left.pop("new.db.drkit-partial")) == 50000
    assert left == before
    engine = SqliteEngine(shop, clock=utc_now)
    restored = restore(engine, capture(engine), target, swap=how == "swap")
    assert dump(target) == dump(shop)
    assert not (place / "new.db.drkit-partial").exists()
    assert (restored.kept_old is not None) == (how == "swap")
