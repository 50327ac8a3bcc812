"""A backup host whose clock was a day ahead: its point is listed and kept, and stands in nobody's way."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon_runner import Clock
from drkit.engines.files import FilesEngine
from fault_system import DOCS, FaultSystem, make_system, utc_now

DAY = timedelta(days=1)


def ahead() -> datetime:
    return utc_now() + DAY


@pytest.fixture
def system(tmp_path: Path) -> FaultSystem:
    system = make_system(tmp_path / "shop", keep=2, size=1000)
    system.back_up(DOCS, "0000000a", ahead, FilesEngine(system.folder / "docs", clock=ahead))
    return system


def test_a_point_from_the_future_is_listed_as_such_and_restored_by_nobody(system: FaultSystem, tmp_path: Path) -> None:
    [early] = system.points(DOCS)
    listed = system.run("backup", "list", DOCS, "--json").document["points"]
    assert [each["kept_by"] for each in listed] == [["from the future"]]
    refused = system.run("restore", DOCS, "--to", tmp_path / "docs")
    assert refused.code == 6 and "lies in the future" in refused.error and "clock" in refused.error
    assert not (tmp_path / "docs").exists()
    honest = system.back_up(DOCS)
    done = system.run("restore", DOCS, "--to", tmp_path / "docs", "--json")
    assert done.code == 0 and done.document["backup"] == honest.id
    assert f"{early.id} is passed over" in done.err


def test_prune_keeps_a_point_from_the_future_and_counts_it_for_nothing(system: FaultSystem, tmp_path: Path) -> None:
    [early] = system.points(DOCS)
    made = [system.back_up(DOCS, f"{number:08x}").id for number in range(4)]
    done = system.run("prune", DOCS, "--yes", "--json")
    assert done.code == 0
    assert {point.id for point in system.points(DOCS)} == {early.id, *made[-2:]}
    for point in system.points(DOCS):
        assert system.is_whole(point, tmp_path / point.id)


@pytest.mark.parametrize("shift", [timedelta(hours=1), timedelta(days=40), -DAY], ids=["an hour", "40 days", "back"])
def test_a_prune_whose_clock_is_wrong_removes_nothing_early(tmp_path: Path, shift: timedelta) -> None:
    system = make_system(tmp_path / "shop", size=1000)
    system.edit("keep = { last = 3, min_points = 3 }", 'keep = { within = "7d", min_points = 1 }')
    made = [system.back_up(DOCS, f"{number:08x}").id for number in range(4)]
    orphan = system.store_folder / DOCS / "backups" / "20260101T000000.000000Z-00000000" / "files.zst.age"
    orphan.parent.mkdir()
    orphan.write_bytes(b"being written, elsewhere")
    clock = Clock(tmp_path / "clock")
    clock.set(utc_now() + shift)
    done = system.with_environment(**clock.environment).run("prune", DOCS, "--yes")
    assert done.code == 0, done.err
    assert [point.id for point in system.points(DOCS)] == made
    assert orphan.exists()


def test_an_orphan_is_as_old_as_the_store_says_whatever_time_is_in_its_name(
    system: FaultSystem,
) -> None:
    orphan = system.store_folder / DOCS / "backups" / "20200101T000000.000000Z-00000000" / "files.zst.age"
    orphan.parent.mkdir()
    orphan.write_bytes(b"being written, by a host whose clock is years behind")
    assert system.run("prune", DOCS, "--yes").code == 0
    assert orphan.exists()
