"""A store folder that vanishes or refuses: the run says so, and nothing is listed that is not whole."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drkit.errors import StoreError
from fault_system import DOCS, FaultSystem, answer_of, make_system, wait_for
from sqlite_vault import clock_that

SIZE = 12_000_000


def test_a_store_that_vanishes_in_mid_piece_never_lists_half_a_backup(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=SIZE)
    with system.running("backup", "now", DOCS) as child:
        assert wait_for(lambda: any(system.incoming.glob("*")), child)
        system.store_folder.rename(tmp_path / "elsewhere")
        done = answer_of(child)
    assert done.code == 5 and done.error
    assert system.points(DOCS) == []
    assert system.run("backup", "now", DOCS).code == 0
    [point] = system.points(DOCS)
    assert system.is_whole(point, tmp_path / "docs")


def test_a_store_that_is_exchanged_before_the_manifest_never_lists_half_a_backup(tmp_path: Path) -> None:
    """As when a disk is unmounted: the folder below takes what comes next, and lacks what came before."""
    system = make_system(tmp_path / "shop", size=1000)
    system.store_folder.mkdir()

    def unmount() -> None:
        system.store_folder.rename(tmp_path / "elsewhere")
        system.store_folder.mkdir()

    with pytest.raises(StoreError, match=r"files\.zst\.age was stored, and the store does not list it"):
        system.back_up(DOCS, clock=clock_that(unmount, at_call=2))
    assert any((tmp_path / "elsewhere").rglob("files.zst.age"))
    assert system.points(DOCS) == []


@pytest.fixture
def open_system() -> Iterator[FaultSystem]:
    """Where a user who may do nothing special can come."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    system = make_system(folder / "shop", size=1000)
    yield system
    shutil.rmtree(folder)


def test_a_store_that_may_not_be_written_ends_with_5_and_names_the_object(open_system: FaultSystem) -> None:
    system = open_system
    system.store_folder.mkdir()
    for path in (system.folder, *system.folder.rglob("*")):
        if path.parent.name != "keys":
            path.chmod(0o755 if path.is_dir() else 0o644)
    system.store_folder.chmod(0o555)
    if os.geteuid() == 0:
        # root without the right to pass over permissions: another user could not even read a checkout in /root
        dropped = "-dac_override,-dac_read_search"
        system = system.launched_by("setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}")
    done = system.run("backup", "now", DOCS)
    assert done.code == 5 and "shop/docs/backups/" in done.error and "Permission denied" in done.error
    assert "Let the user that runs drkit" in done.error
    assert system.points(DOCS) == []
