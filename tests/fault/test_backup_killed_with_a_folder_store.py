"""kill -9 while `drkit backup now` writes to a folder: a point is listed and whole, or it is not listed."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from fault_system import BOOKS, DOCS, FaultSystem, make_system, wait_for

SIZE = 12_000_000
SEED = 20261120

Moment = Callable[[FaultSystem], bool]


def arrived(size: int) -> Moment:
    """So many bytes of some object are on the disk."""

    def happened(system: FaultSystem) -> bool:
        try:
            return any(path.stat().st_size >= size for path in list(system.incoming.iterdir()))
        except FileNotFoundError:
            return False

    return happened


def stored(name: str) -> Moment:
    return lambda system: any(system.store_folder.glob(f"shop/*/backups/*/{name}"))


def then(first: Moment, second: Moment) -> Moment:
    return lambda system: first(system) and second(system)


def copied(size: int) -> Moment:
    """The temporary copy of the database has grown so far."""

    def happened(system: FaultSystem) -> bool:
        return any(path.exists() and path.stat().st_size >= size for path in system.spool.glob("drkit-sqlite-*/copy"))

    return happened


RANDOM_MOMENTS = [Random(SEED + number).randrange(SIZE - 3_000_000) for number in range(5)]
DOCS_MOMENTS = {
    "before the first byte": arrived(0),
    **{f"after {size} bytes": arrived(size) for size in RANDOM_MOMENTS},
    "between the pieces": stored("files.zst.age"),
    "in the second piece": then(stored("files.zst.age"), arrived(0)),
    "before the manifest": stored("index.zst.age"),
    "in the manifest": then(stored("index.zst.age"), arrived(1)),
}
BOOKS_MOMENTS = {
    "before the source is read": lambda system: any(system.spool.glob("drkit-sqlite-*")),
    "while the source is copied": copied(1),
    "while the copy is stored": arrived(1),
    "before the manifest": stored("database.zst.age"),
}


@pytest.mark.parametrize("moment", DOCS_MOMENTS)
def test_files_are_captured_whole_or_not_at_all_when_killed(tmp_path: Path, moment: str) -> None:
    system = make_system(tmp_path / "shop", size=SIZE)
    killed = kill_a_backup(system, DOCS, DOCS_MOMENTS[moment])
    assert killed or "manifest" in moment or "second" in moment, "these moments alone may be too short to be seen"
    expect_whole_points_and_a_clean_next_run(system, DOCS, tmp_path)


@pytest.mark.parametrize("moment", BOOKS_MOMENTS)
def test_a_database_is_captured_whole_or_not_at_all_when_killed(tmp_path: Path, moment: str) -> None:
    system = make_system(tmp_path / "shop", size=1000, orders=8_000)
    kill_a_backup(system, BOOKS, BOOKS_MOMENTS[moment])
    expect_whole_points_and_a_clean_next_run(system, BOOKS, tmp_path)
    assert not any(system.spool.iterdir())


def test_a_run_after_a_killed_one_is_clean_and_ends_with_0(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=SIZE)
    assert kill_a_backup(system, DOCS, arrived(SIZE // 2))
    assert system.run("backup", "list", "--json").document["points"] == []
    done = system.run("backup", "now", "--json")
    assert done.code == 0 and len(done.document["backups"]) == 2 and not done.error
    for name in (DOCS, BOOKS):
        assert system.run("restore", name, "--to", tmp_path / name.replace("/", "-")).code == 0
        assert system.holds(name, tmp_path / name.replace("/", "-"))


def kill_a_backup(system: FaultSystem, name: str, moment: Moment) -> bool:
    """Whether it was killed, or had ended before."""
    with system.running("backup", "now", name) as child:
        wait_for(lambda: moment(system), child)
    return child.returncode == -9


def expect_whole_points_and_a_clean_next_run(system: FaultSystem, name: str, folder: Path) -> None:
    before = system.points(name)
    assert len(before) <= 1
    made = system.back_up(name)
    after = system.points(name)
    assert [point.id for point in after] == [*(point.id for point in before), made.id]
    for point in after:
        assert system.is_whole(point, folder / point.id)
