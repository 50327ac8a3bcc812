"""A disk that fills up under a restore: a clear word, exit code 6, and no target; with room it works."""

from pathlib import Path

import pytest

from fault_system import BOOKS, DOCS, make_system
from small_disk import small_disk

MIB = 1 << 20


@pytest.mark.parametrize("name", [DOCS, BOOKS])
def test_a_full_target_ends_with_6_and_publishes_nothing(tmp_path: Path, name: str) -> None:
    system = make_system(tmp_path / "shop", size=3 * MIB, orders=20_000)
    system.back_up(name)
    place = tmp_path / "place"
    with small_disk(place, MIB) as launcher:
        done = system.launched_by(*launcher).run("restore", name, "--to", place / "target")
        assert done.code == 6
        assert "room" in done.error
        assert not any(place.iterdir())
    assert system.run("restore", name, "--to", tmp_path / "target").code == 0
    assert system.holds(name, tmp_path / "target")


def test_a_disk_that_fills_up_during_a_swap_leaves_the_old_state_in_its_place(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=3 * MIB)
    system.back_up(DOCS)
    place = tmp_path / "place"
    with small_disk(place, MIB) as launcher:
        (place / "docs").mkdir()
        (place / "docs" / "old.txt").write_text("still here")
        done = system.launched_by(*launcher).run("restore", DOCS, "--to", place / "docs", "--swap", "--yes")
        assert done.code == 6
        assert [str(path.relative_to(place)) for path in sorted(place.rglob("*"))] == ["docs", "docs/old.txt"]
        assert (place / "docs" / "old.txt").read_text() == "still here"
