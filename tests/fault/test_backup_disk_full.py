"""A disk that fills up under a backup: a clear word, the right exit code, nothing listed, and a clean next run."""

from pathlib import Path

from fault_system import BOOKS, DOCS, make_system
from small_disk import small_disk

MIB = 1 << 20


def test_a_full_store_ends_with_5_and_lists_nothing(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=3 * MIB)
    with small_disk(system.store_folder, 2 * MIB) as launcher:
        done = system.launched_by(*launcher).run("backup", "now", DOCS, "--json")
        assert done.code == 5
        assert ("files.zst.age" in done.error and "room" in done.error) or "limit" in done.error
        assert [each["source"] for each in done.document["failed"]] == [DOCS]
        assert system.points(DOCS) == []
        [record] = [path for path in system.store_folder.rglob("*") if path.is_file()]
        assert record.match("shop/runs/backup/docs/*.failed-1.json")
        (system.folder / "docs" / "big.bin").write_bytes(b"smaller now")
        assert system.launched_by(*launcher).run("backup", "now", DOCS).code == 0
        [point] = system.points(DOCS)
        assert system.is_whole(point, tmp_path / "docs")


def test_a_store_that_is_full_for_one_source_still_takes_the_others(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=3 * MIB)
    with small_disk(system.store_folder, 2 * MIB) as launcher:
        done = system.launched_by(*launcher).run("backup", "now", "--json")
        assert done.code == 5
        assert [each["source"] for each in done.document["failed"]] == [DOCS]
        [point] = system.points(BOOKS)
        assert system.is_whole(point, tmp_path / "shop.db")


def test_a_full_spool_ends_with_4_and_lists_nothing(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", orders=8000)
    with small_disk(system.spool, 64 * 1024) as launcher:
        done = system.launched_by(*launcher).run("backup", "now", BOOKS)
        assert done.code == 4 and str(system.folder / "shop.db") in done.error
        assert not any(system.spool.iterdir())
    assert system.points(BOOKS) == []
    assert system.run("backup", "now", BOOKS).code == 0


def test_a_full_folder_for_temporary_files_ends_with_4_and_lists_nothing(tmp_path: Path) -> None:
    """The index of the files does not fit."""
    system = make_system(tmp_path / "shop", size=1000)
    for number in range(400):
        (system.folder / "docs" / f"{number:0100}").touch()
    temporary = tmp_path / "temporary"
    with small_disk(temporary, 32 * 1024) as launcher:
        full = system.launched_by(*launcher).with_environment(TMPDIR=str(temporary))
        done = full.run("backup", "now", DOCS)
    assert done.code == 4 and "temporary files" in done.error and "TMPDIR" in done.error
    assert system.points(DOCS) == []
    assert system.run("backup", "now", DOCS).code == 0
