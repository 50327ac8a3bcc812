"""kill -9, and damage, while a git repository is captured or restored: a point is whole, or it is not there."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from drkit.errors import DrkitError, IntegrityError
from drkit.model import Wishes
from fault_system import FaultSystem, make_system, wait_for
from git_world import Vault, commit, fsck, git, look, make_repository, vault_of

CODE = "shop/code"
SIZE = 8_000_000
TABLE = """
[sources.code]
kind = "git"
path = "../code"
backup = "0 * * * *"
spool = "../spool"
"""


@pytest.fixture
def system(tmp_path: Path) -> FaultSystem:
    made = make_system(tmp_path / "shop")
    with made.schedule.open("a") as schedule:
        schedule.write(TABLE)
    repository = make_repository(made.folder / "code")
    (repository / "big").write_bytes(Random(8).randbytes(SIZE))
    commit(repository, "one")
    return made


def arrived(size: int) -> Callable[[FaultSystem], bool]:
    def happened(system: FaultSystem) -> bool:
        try:
            return any(path.stat().st_size >= size for path in list(system.incoming.iterdir()))
        except FileNotFoundError:
            return False

    return happened


MOMENTS: dict[str, Callable[[FaultSystem], bool]] = {
    "before objects are read": lambda system: any(system.spool.glob("drkit-git-*")),
    "in the bundle": arrived(SIZE // 2),
    "after the bundle": lambda system: any(system.store_folder.glob("shop/code/backups/*/bundle-0000.zst.age")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_capture_that_is_killed_leaves_no_point_and_the_next_one_is_whole(system: FaultSystem, moment: str) -> None:
    with system.running("backup", "now", CODE) as child:
        wait_for(lambda: MOMENTS[moment](system), child)
    assert child.returncode == -9 or moment == "after the bundle"
    before = system.points(CODE)
    assert len(before) <= 1
    made = system.back_up(CODE)
    assert [point.id for point in system.points(CODE)] == [*(point.id for point in before), made.id]
    system.restore(system.points(CODE)[-1], system.folder / "restored")
    assert look(system.folder / "restored") == look(system.folder / "code")
    assert list(system.spool.iterdir()) == []


def test_a_restore_that_is_killed_publishes_nothing_and_the_next_one_is_whole(system: FaultSystem) -> None:
    system.back_up(CODE)
    partial = system.folder / "restored.drkit-partial"
    with system.running("restore", CODE, "--to", system.folder / "restored") as child:
        wait_for(lambda: any(partial.glob("objects/pack/*")), child)
    assert child.returncode == -9
    assert not (system.folder / "restored").exists()
    assert system.run("restore", CODE, "--to", system.folder / "restored").code == 0
    assert look(system.folder / "restored") == look(system.folder / "code")
    assert not partial.exists()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    made = vault_of(repository)
    made.capture()
    commit(repository, "two")
    return made


def test_a_point_whose_bundle_lacks_an_object_is_not_restored(vault: Vault, tmp_path: Path) -> None:
    """As a capture would leave it that had a mistake: every object is sealed as it should be."""
    manifest = vault.capture()
    kept = {piece.name: vault.read(manifest, piece.name) for piece in manifest.pieces}
    oid = "1" * 40

    def load_with(name: str, content: bytes) -> DrkitError:
        changed = kept | {name: content}
        with pytest.raises(IntegrityError) as caught:
            vault.engine.restore(manifest, lambda piece: iter([changed[piece.name]]), str(tmp_path / "x"), Wishes())
        assert list(tmp_path.glob("x*")) == []
        return caught.value

    refs = kept["refs"].decode()
    assert "not whole" in str(load_with("refs", refs.replace(refs.split("\n")[1][:40], oid).encode()))
    assert "git refuses its pack" in str(load_with("bundle-0000", kept["bundle-0000"][:-25]))
    assert "not whole" in str(load_with("bundle-0000", kept["bundle-0001"]))
    assert "should be a git bundle" in str(load_with("bundle-0000", b"PACK" + bytes(100)))
    assert "a line that is none" in str(load_with("refs", b"1234 nonsense\n"))
    assert "facts" in str(load_with("facts", b"{}"))


def test_a_drill_finds_a_ref_that_was_moved_and_an_object_that_was_removed(vault: Vault, tmp_path: Path) -> None:
    manifest = vault.capture()
    vault.restore(manifest, tmp_path / "x")
    git(tmp_path / "x", "update-ref", "refs/heads/main", "HEAD~1")
    git(tmp_path / "x", "update-ref", "refs/heads/more", "HEAD")
    refs = vault.prove(manifest, tmp_path / "x")[2]
    assert (refs.outcome, "refs/heads/main: expected" in refs.actual) == ("failed", True)
    assert "refs/heads/more: expected none" in refs.actual
    vault.restore(manifest, tmp_path / "y")
    for pack in (tmp_path / "y/objects/pack").iterdir():
        pack.unlink()
    assert [check.outcome for check in vault.prove(manifest, tmp_path / "y")][1] == "failed"
    shutil.rmtree(tmp_path / "y/refs")
    assert [check.outcome for check in vault.prove(manifest, tmp_path / "y")] == ["failed"]


def test_a_repository_that_grows_while_it_is_captured_is_whole_in_every_point(vault: Vault, tmp_path: Path) -> None:
    repository = tmp_path / "code"
    vault.during = lambda: [commit(repository, f"meanwhile {number}") for number in range(3)]
    for number in range(3):
        manifest = vault.capture()
        vault.restore(manifest, tmp_path / f"x{number}")
        assert fsck(tmp_path / f"x{number}") == ""
