"""What a capture of a git repository sees, refuses, tells, and never runs."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drkit.engines.git.options import GitOptions
from drkit.errors import CaptureError
from drkit.model import Finding
from drkit.ports import Clock
from drkit.stores.memory import MemoryStore
from git_world import SOURCE, Vault, bundles, commit, fsck, git, look, make_repository, utc_now, vault_of


def clock_that(*actions: Callable[[], object]) -> Clock:
    """A clock that does something each time it is read, for as long as there is something to do."""
    waiting = list(actions)

    def clock() -> datetime:
        if waiting:
            waiting.pop(0)()
        return utc_now()

    return clock


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = make_repository(tmp_path / "code")
    commit(made, "one")
    return made


def test_a_push_that_is_caught_in_the_middle_is_waited_for(repository: Path, tmp_path: Path) -> None:
    git(repository, "branch", "a")
    git(repository, "branch", "b")
    new = commit(repository, "two")
    first, second = (lambda name=name: git(repository, "update-ref", f"refs/heads/{name}", new) for name in "ab")
    vault = vault_of(repository, clock=clock_that(lambda: None, first, second))
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)
    assert vault.notes == ()


def test_refs_that_never_stand_still_are_told_of(repository: Path) -> None:
    busy = [lambda number=number: git(repository, "branch", f"b{number}") for number in range(20)]
    vault = vault_of(repository, clock=clock_that(*busy))
    vault.capture()
    assert vault.notes[0].startswith("refs changed all the time")


def test_what_is_pushed_and_forced_away_while_objects_are_read_is_not_in_it(repository: Path, tmp_path: Path) -> None:
    commit(repository, "regretted")
    seen = look(repository)

    def rewrite() -> None:
        git(repository, "reset", "--quiet", "--hard", "HEAD~1")
        commit(repository, "instead")
        git(repository, "branch", "late")

    vault = vault_of(repository, during=rewrite)
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == seen


def test_nothing_of_the_repository_is_run_or_changed(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "uploadpack.packObjectsHook", "gpg.program"):
        git(repository, "config", key, str(trap))
    git(repository, "config", "alias.for-each-ref", f"!{trap}")
    git(repository, "config", "core.hooksPath", str(tmp_path))
    (tmp_path / "reference-transaction").symlink_to(trap)
    before = snapshot(repository)
    vault = vault_of(repository)
    vault.restore(vault.capture(), tmp_path / "restored")
    list(vault.engine.check())
    assert not (tmp_path / "sprung").exists()
    assert snapshot(repository) == before


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_objects_that_somebody_replaced_or_grafted_are_captured_as_they_are(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    second = commit(repository, "two")
    git(repository, "replace", second, first)
    (repository / ".git/info").mkdir(exist_ok=True)
    (repository / ".git/info/grafts").write_text(f"{second}\n")
    vault = vault_of(repository)
    vault.restore(vault.capture(), tmp_path / "restored")
    assert git(tmp_path / "restored", "rev-list", "refs/heads/main", GIT_NO_REPLACE_OBJECTS="1").split() == [
        second,
        first,
    ]


def test_the_repository_of_somebody_else_is_read(repository: Path, tmp_path: Path) -> None:
    seen = look(repository)
    if os.geteuid() == 0:
        for path in (repository, *repository.rglob("*")):
            os.chown(path, 65534, 65534, follow_symlinks=False)
    vault = vault_of(repository)
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == seen


def test_the_variables_of_a_caller_lead_nowhere_else(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_repository(tmp_path / "other")
    commit(other, "another")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other / ".git/objects"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare=nonsense'")
    vault = vault_of(repository)
    vault.restore(vault.capture(), tmp_path / "restored")
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.delenv(name)
    assert look(tmp_path / "restored") == look(repository)


@pytest.mark.parametrize("whose", ["file", "nothing", "inside", "empty"])
def test_what_is_no_repository_is_refused(repository: Path, tmp_path: Path, whose: str) -> None:
    (repository / "inside").mkdir()
    (tmp_path / "empty").mkdir()
    place = {
        "file": repository / "file",
        "nothing": tmp_path / "nothing",
        "inside": repository / "inside",
        "empty": tmp_path / "empty",
    }[whose]
    vault = vault_of(place)
    with pytest.raises(CaptureError, match="no folder" if whose in ("file", "nothing") else "no git repository"):
        vault.capture()
    assert vault.points == []


def test_a_shallow_clone_is_refused_with_the_remedy(repository: Path, tmp_path: Path) -> None:
    commit(repository, "two")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    with pytest.raises(CaptureError, match="shallow clone") as caught:
        vault_of(tmp_path / "shallow").capture()
    assert "--unshallow" in caught.value.hint


def test_a_partial_clone_is_refused(repository: Path, tmp_path: Path) -> None:
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{repository}", "partial")
    with pytest.raises(CaptureError, match="partial clone"):
        vault_of(tmp_path / "partial").capture()


def test_a_ref_that_cannot_be_read_fails_the_capture(repository: Path) -> None:
    (repository / ".git/refs/heads/broken").write_text("nonsense\n")
    vault = vault_of(repository)
    with pytest.raises(CaptureError, match=r"refs cannot be read whole.*broken"):
        vault.capture()
    assert vault.points == []


def test_a_ref_to_one_that_is_not_there_is_left_out(repository: Path, tmp_path: Path) -> None:
    git(repository, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
    vault = vault_of(repository)
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)


def test_an_object_that_is_missing_fails_the_capture(repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:file")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    vault = vault_of(repository)
    with pytest.raises(CaptureError, match="cannot read all objects"):
        vault.capture()
    assert vault.points == []


def test_one_changed_byte_in_a_pack_fails_the_capture(repository: Path) -> None:
    (repository / "big").write_text("a line\n" * 10_000 + os.urandom(50_000).hex())
    commit(repository, "two")
    git(repository, "gc", "--quiet")
    [pack] = (repository / ".git/objects/pack").glob("*.pack")
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(content)
    vault = vault_of(repository)
    with pytest.raises(CaptureError, match=r"damaged|cannot read all objects"):
        vault.capture()
    assert vault.points == []


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def test_files_of_git_lfs_are_counted_and_told_of_loudly(repository: Path, tmp_path: Path) -> None:
    (repository / ".gitattributes").write_text("*.psd filter=lfs diff=lfs merge=lfs -text\n")
    here, elsewhere = "a" * 64, "b" * 64
    kept = repository / ".git/lfs/objects/aa/aa"
    kept.mkdir(parents=True)
    (kept / here).write_text("the picture")
    (repository / "one.psd").write_text(POINTER.format(here, 11))
    (repository / "copy.psd").write_text(POINTER.format(here, 11))
    (repository / "innocent").write_text("a file that speaks of https://git-lfs.github.com/spec/v1\n" * 3)
    commit(repository, "two")
    vault = vault_of(repository)
    vault.capture()
    assert vault.notes[0].startswith("1 files of 11 bytes are in Git LFS, and not in these bundles")
    assert f'kind = "files", path = "{repository}/.git/lfs/objects"' in vault.notes[1]
    (repository / "two.psd").write_text(POINTER.format(elsewhere, 5))
    commit(repository, "three")
    manifest = vault.capture()
    assert vault.notes[0].startswith("2 files of 16 bytes")
    assert "1 of what Git LFS keeps is not in" in vault.notes[1]
    restored = vault.restore(manifest, tmp_path / "restored")
    assert restored.notes[0].startswith("2 files of 16 bytes")
    checks = {check.name: check.outcome for check in vault.prove(manifest, tmp_path / "restored")}
    assert checks["git lfs"] == "not testable"
    assert any("NOT in the bundles" in finding.detail for finding in vault.engine.check())


def test_submodules_and_linked_work_trees_are_told_of(repository: Path, tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},vendor/library")
    git(repository, "commit", "--quiet", "--message", "two")
    git(repository, "worktree", "add", "--quiet", "--detach", tmp_path / "beside")
    vault = vault_of(tmp_path / "beside")  # they share all that is captured
    manifest = vault.capture()
    assert [note.split(":")[0] for note in vault.notes] == ["HEAD names 1 submodules", "1 linked work trees share it"]
    vault.restore(manifest, tmp_path / "restored")
    assert look(tmp_path / "restored").refs == look(repository).refs


def test_what_is_only_odd_in_old_history_is_kept_and_told(repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:file")
    entry = b"0100644 file\0" + bytes.fromhex(blob)
    tree = git(repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=entry)
    odd = git(repository, "commit-tree", tree, "-m", "a mode with a zero in front")
    git(repository, "update-ref", "refs/heads/old", odd)
    vault = vault_of(repository)
    manifest = vault.capture()
    restored = vault.restore(manifest, tmp_path / "restored")
    assert restored.notes == ("git fsck finds odd objects, as they were captured: zeroPaddedFilemode (1)",)
    fsck_check = vault.prove(manifest, tmp_path / "restored")[1]
    assert (fsck_check.outcome, "zeroPaddedFilemode (1)" in fsck_check.actual) == ("passed", True)


def test_a_full_bundle_is_made_when_the_chain_is_as_old_as_it_may_get(repository: Path) -> None:
    now = utc_now() - timedelta(days=30)
    vault = vault_of(repository, clock=lambda: now)
    counts = []
    for _ in range(9):
        commit(repository, str(now))
        counts.append(len(bundles(vault.capture())))
        now += timedelta(days=1)
    assert counts == [1, 2, 3, 4, 5, 6, 7, 1, 2]


def test_without_incremental_each_point_stands_alone(repository: Path) -> None:
    vault = vault_of(repository, options=GitOptions(incremental=False))
    vault.capture()
    commit(repository, "two")
    assert bundles(vault.capture()) == ["bundle-0000"]


@pytest.mark.parametrize("harm", ["piece", "manifest", "refuted"])
def test_no_point_rests_on_one_that_is_harmed(repository: Path, tmp_path: Path, harm: str) -> None:
    store = MemoryStore()
    vault = vault_of(repository, store=store)
    first = vault.capture()
    commit(repository, "two")
    second = vault.capture()
    if harm == "piece":
        store.delete([first.pieces[0].key])
    elif harm == "manifest":
        key = f"{SOURCE}/backups/{second.id}/manifest.json"
        store.delete([key])
        store.put(key, iter([b"{}"]))
    else:
        drill = f"{first.id[:-8]}12345678"
        store.put(f"{SOURCE}/backups/{first.id}/refuted-{drill}.json", iter([b"{}"]))
    commit(repository, "three")
    third = vault.capture()
    assert bundles(third) == ["bundle-0000"]
    vault.restore(third, tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)
    assert fsck(tmp_path / "restored") == ""


def test_the_check_says_what_is_there(repository: Path, tmp_path: Path) -> None:
    def told(place: Path) -> list[Finding]:
        return list(Vault(lambda: place).engine.check())

    good = told(repository)
    assert all(finding.passed for finding in good)
    assert f"{repository} can be read: 2 refs" in [finding.detail for finding in good]
    assert not told(tmp_path / "nothing")[-1].passed
