"""A git repository goes into points and comes back: every ref, every object that they reach, and nothing else."""

import shlex
import subprocess
from pathlib import Path
from random import Random

import pytest

from drkit.model import Manifest
from git_world import Vault, bundles, change_at_random, commit, fsck, git, look, make_repository, vault_of


def test_a_restored_repository_has_every_ref_and_object_of_the_captured_one(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    first = commit(repository, "one")
    git(repository, "tag", "light")
    git(repository, "tag", "--annotate", "--message", "a tag", "v1")
    git(repository, "notes", "add", "--message", "a note")
    git(repository, "checkout", "--quiet", "-b", "feature/ümlaut")
    commit(repository, "two")
    git(repository, "update-ref", "refs/pull/1/head", first)
    git(repository, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main")
    vault = vault_of(repository)
    manifest = vault.capture()
    assert vault.restore(manifest, tmp_path / "restored").notes == ()
    assert look(tmp_path / "restored") == look(repository)
    assert len(look(repository).refs) == 7
    assert fsck(tmp_path / "restored") == ""
    assert vault.notes == ()
    assert [check.outcome for check in vault.prove(manifest, tmp_path / "restored")] == ["passed"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code", "restored"]


def test_a_detached_head_and_what_only_it_reaches_come_back(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    git(repository, "checkout", "--quiet", "--detach")
    alone = commit(repository, "nobody's")
    vault = vault_of(repository)
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)
    assert (tmp_path / "restored/HEAD").read_text() == f"{alone}\n"


def test_an_empty_repository_comes_back_empty_and_grows_in_the_next_point(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    vault = vault_of(repository)
    empty = vault.capture()
    assert bundles(empty) == []
    commit(repository, "one")
    first = vault.capture()
    vault.restore(empty, tmp_path / "empty")
    vault.restore(first, tmp_path / "first")
    assert (tmp_path / "empty/HEAD").read_text() == "ref: refs/heads/main\n"
    assert look(tmp_path / "empty").refs == frozenset()
    assert look(tmp_path / "first") == look(repository)


def test_a_repository_of_sha256_comes_back_as_one(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code", "--object-format=sha256")
    vault = vault_of(repository)
    commit(repository, "one")
    vault.capture()
    commit(repository, "two")
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)


def test_objects_that_lie_in_another_repository_are_captured_too(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / 'a "quoted" \\ name')
    commit(origin, "one")
    git(tmp_path, "clone", "--quiet", "--shared", origin, "middle")
    git(tmp_path, "clone", "--quiet", "--shared", "--bare", "middle", "code.git")
    vault = vault_of(tmp_path / "code.git")
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == look(tmp_path / "code.git")
    assert not (tmp_path / "restored/objects/info/alternates").exists()
    assert fsck(tmp_path / "restored") == ""


def test_each_point_holds_what_is_new_and_five_in_a_row_are_restored_each_as_it_was(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    vault = vault_of(repository)
    noise = Random(8).randbytes(200_000).hex()
    commit(repository, noise, "big")
    taken = [(vault.capture(), look(repository))]
    for number in range(5):
        commit(repository, f"small {number}")
        taken.append((vault.capture(), look(repository)))
    own = [point.stored_bytes for point in vault.points]
    assert all(size < own[0] / 20 for size in own[1:])
    assert [len(bundles(manifest)) for manifest, _ in taken] == [1, 2, 3, 4, 5, 6]
    for number, (manifest, seen) in enumerate(taken):
        vault.restore(manifest, tmp_path / f"restored-{number}")
        assert look(tmp_path / f"restored-{number}") == seen
        assert fsck(tmp_path / f"restored-{number}") == ""


def test_a_point_with_nothing_new_has_no_bundle_of_its_own_and_is_whole(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    vault = vault_of(repository)
    vault.capture()
    git(repository, "branch", "another")
    second = vault.capture()
    assert bundles(second) == ["bundle-0000"]
    assert all(point.credible for point in vault.points)
    vault.restore(second, tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)


def test_history_that_was_forced_away_and_refs_that_were_deleted_are_in_the_points_before(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    git(repository, "branch", "a")
    commit(repository, "regretted")
    vault = vault_of(repository)
    before, seen = vault.capture(), look(repository)
    git(repository, "reset", "--quiet", "--hard", "HEAD~1")
    commit(repository, "instead")
    git(repository, "branch", "-D", "a")
    git(repository, "branch", "a/b")  # where a file was there is a folder now
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "--quiet", "--prune=now")
    after = vault.capture()
    vault.restore(before, tmp_path / "before")
    vault.restore(after, tmp_path / "after")
    assert look(tmp_path / "before") == seen
    assert look(tmp_path / "after") == look(repository)


def test_the_chain_goes_on_after_the_only_branch_was_forced_away_and_its_commits_removed(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    vault = vault_of(repository)
    for text in ("one", "two", "three"):
        commit(repository, text)
        vault.capture()
    git(repository, "reset", "--quiet", "--hard", "HEAD~2")
    commit(repository, "instead")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    git(repository, "gc", "--quiet", "--prune=now")
    manifest = vault.capture()
    assert len(bundles(manifest)) == 4
    vault.restore(manifest, tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)


def test_another_repository_in_the_place_of_the_old_one_is_captured_whole(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    vault = vault_of(repository)
    vault.capture()
    repository.rename(tmp_path / "old")
    commit(make_repository(tmp_path / "code"), "quite another")
    manifest = vault.capture()
    assert bundles(manifest) == ["bundle-0000"]
    vault.restore(manifest, tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)


@pytest.mark.parametrize("seed", range(6))
def test_any_history_is_restored_at_each_of_its_points(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    vault = vault_of(repository)
    taken = []
    for _ in range(5):
        for _ in range(chance.randrange(1, 6)):
            change_at_random(repository, chance)
        taken.append((vault.capture(), look(repository)))
    for number, (manifest, seen) in enumerate(taken):
        vault.restore(manifest, tmp_path / f"restored-{number}")
        assert look(tmp_path / f"restored-{number}") == seen


def test_ten_thousand_refs_come_back(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    oid = commit(repository, "one")
    lines = sorted(f"{oid} refs/heads/many/{number}\n" for number in range(10_000))
    (repository / ".git/packed-refs").write_text("# pack-refs with: sorted \n" + "".join(lines))
    vault = vault_of(repository)
    vault.capture()
    commit(repository, "two")
    vault.restore(vault.capture(), tmp_path / "restored")
    assert look(tmp_path / "restored") == look(repository)
    assert len(look(repository).refs) == 10_001


def test_a_bundle_is_one_that_git_reads_by_itself(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code")
    commit(repository, "one")
    vault = vault_of(repository)
    vault.capture()
    git(repository, "tag", "--annotate", "--message", "t", "v1")
    commit(repository, "two")
    manifest = vault.capture()
    for name in bundles(manifest):
        (tmp_path / name).write_bytes(vault.read(manifest, name))
    git(tmp_path, "clone", "--quiet", "--mirror", "bundle-0000", "mirror.git")
    git(tmp_path / "mirror.git", "bundle", "verify", "../bundle-0001")
    git(tmp_path / "mirror.git", "fetch", "--quiet", "../bundle-0001", "+refs/*:refs/*")
    assert look(tmp_path / "mirror.git") == look(repository)


@pytest.mark.parametrize("state", ["branch", "detached", "empty", "sha256"])
def test_the_lines_for_doing_it_by_hand_do_it(tmp_path: Path, state: str) -> None:
    words = ["--object-format=sha256"] if state == "sha256" else []
    repository = make_repository(tmp_path / "code", *words)
    vault = vault_of(repository)
    manifest = vault.capture()
    if state != "empty":
        commit(repository, "one")
        git(repository, "tag", "--annotate", "--message", "t", "v1")
        vault.capture()
        commit(repository, "two")
        if state == "detached":
            git(repository, "checkout", "--quiet", "--detach")
        manifest = vault.capture()
    target = tmp_path / "a target's name"
    by_hand(vault, manifest, tmp_path, target)
    assert look(target) == look(repository)
    assert fsck(target) in ("", "notice: HEAD points to an unborn branch (main)\nnotice: No default references")


def by_hand(vault: Vault, manifest: Manifest, folder: Path, target: Path) -> None:
    for piece in manifest.pieces:
        (folder / piece.name).write_bytes(vault.read(manifest, piece.name))
    lines = vault.engine.by_hand(manifest, lambda piece: f"cat {shlex.quote(str(folder / piece.name))}", str(target))
    subprocess.run(["bash", "-c", "set -euo pipefail\n" + "\n".join(lines)], check=True, capture_output=True)


def test_with_swap_the_old_repository_is_kept_beside(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "code", "--bare")
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", repository, work)
    commit(work, "one")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    vault = vault_of(repository)
    manifest, seen = vault.capture(), look(repository)
    commit(work, "ruin")
    git(work, "push", "--quiet", "--force", "origin", "HEAD:main")
    restored = vault.restore(manifest, repository, swap=True)
    assert look(repository) == seen
    assert restored.kept_old
    assert look(Path(restored.kept_old)) != seen
    git(work, "push", "--quiet", "--force", "origin", "HEAD:main")
