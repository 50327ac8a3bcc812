"""Several runs at once on one store: each backup is listed and whole, and no prune takes what is being written."""

from pathlib import Path

import pytest

from drkit.model import Manifest
from fault_gate import Gate
from fault_system import DOCS, Answer, FaultSystem, answer_of, make_system
from patience import PATIENCE
from servers.proxy import Proxy, answer_error, proxy_before
from servers.s3_server import S3Server


@pytest.fixture
def near_s3(tmp_path: Path, moto_url: S3Server, use_server):
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near):
        yield proxy, make_system(tmp_path / "shop", near.url(moto_url.new_bucket(), "prod"))


def test_two_backups_of_one_source_at_once_are_both_listed_and_whole(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    proxy, system = near_s3
    gate = Gate()
    proxy.breaks("PUT .*manifest", gate.before)
    with system.running("backup", "now", DOCS, "--json") as first:
        assert gate.reached.wait(PATIENCE)
        second = system.run("backup", "now", DOCS, "--json")
        gate.let_through()
        done = answer_of(first)
    assert done.code == second.code == 0
    made = {answer.document["backups"][0]["id"] for answer in (done, second)}
    assert {point.id for point in system.points(DOCS)} == made and len(made) == 2
    for point in system.points(DOCS):
        assert system.is_whole(point, tmp_path / point.id)


def test_two_backups_of_one_source_into_a_folder_at_once_are_both_listed_and_whole(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=3_000_000)
    with system.running("backup", "now", DOCS) as first, system.running("backup", "now", DOCS) as second:
        assert [answer_of(first).code, answer_of(second).code] == [0, 0]
    points = system.points(DOCS)
    assert len(points) == 2
    for point in points:
        assert system.is_whole(point, tmp_path / point.id)


def test_a_backup_during_which_two_prunes_run_is_whole(tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]) -> None:
    proxy, system = near_s3
    for number in range(5):
        system.back_up(DOCS, f"{number:08x}")
    gate = Gate()
    proxy.breaks("PUT .*index", gate.after)
    with system.running("backup", "now", DOCS, "--json") as backup:
        assert gate.reached.wait(PATIENCE)
        with system.running("prune", DOCS, "--yes") as one, system.running("prune", DOCS, "--yes") as other:
            prunes = [answer_of(one), answer_of(other)]
        gate.let_through()
        done = answer_of(backup)
    assert [answer.code for answer in (*prunes, done)] == [0, 0, 0]
    points = system.points(DOCS)
    assert len(points) == 4 and points[-1].id == done.document["backups"][0]["id"]
    for point in points:
        assert system.is_whole(point, tmp_path / point.id)


def test_a_prune_that_lists_what_another_one_is_removing_is_harmless(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    """The second one sees one more point, so it lets go of one that the first one means to keep."""
    proxy, system = near_s3
    made = [system.back_up(DOCS, f"{number:08x}").id for number in range(4)]
    gate = Gate()
    proxy.breaks(f"GET .*{made[1]}/manifest", gate.before)
    with system.running("prune", DOCS, "--yes") as first:
        assert gate.reached.wait(PATIENCE)
        system.back_up(DOCS)
        second = system.run("prune", DOCS, "--yes")
        gate.let_through()
        done = answer_of(first)
    assert (done.code, second.code) == (0, 0), (done.error, second.error)
    points = system.points(DOCS)
    assert len(points) == 3
    for point in points:
        assert system.is_whole(point, tmp_path / point.id)


@pytest.fixture
def outdated(near_s3: tuple[Proxy, FaultSystem]) -> Manifest:
    """A point that the next prune would remove."""
    _, system = near_s3
    oldest = system.back_up(DOCS)
    for number in range(3):
        system.back_up(DOCS, f"{number:08x}")
    return oldest


def test_a_point_that_is_being_restored_stays_whatever_retention_says_until_the_restore_is_over(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem], outdated: Manifest
) -> None:
    _, system = near_s3
    done, pruned = restore_while_pruned(tmp_path, near_s3, str(outdated.consistent_at))
    assert done.code == 0, done.error
    assert {"id": outdated.id, "source": DOCS, "rules": ["being restored"]} in pruned.document["keep"]
    assert system.holds(DOCS, tmp_path / "target")
    assert outdated.id in {point.id for point in system.points(DOCS)}
    assert system.run("prune", DOCS, "--yes").code == 0
    assert outdated.id not in {point.id for point in system.points(DOCS)}


def test_a_restore_that_begins_while_a_prune_takes_its_point_has_all_that_it_reads(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem], outdated: Manifest
) -> None:
    """The prune has seen no mark, and the restore has seen the manifest: its objects stay for this time."""
    proxy, system = near_s3
    removing, reading = Gate(), Gate()
    proxy.breaks("POST .*delete", removing.before)
    with system.running("prune", DOCS, "--yes") as prune:
        assert removing.reached.wait(PATIENCE)
        proxy.breaks("GET .*files", Gate.open().before)
        proxy.breaks("GET .*files", reading.before)
        at = str(outdated.consistent_at)
        with system.running("restore", DOCS, "--at", at, "--yes", "--to", tmp_path / "target") as restore:
            assert reading.reached.wait(PATIENCE)
            removing.let_through()
            assert answer_of(prune).code == 0
            assert outdated.id not in {point.id for point in system.points(DOCS)}
            reading.let_through()
            done = answer_of(restore)
    assert done.code == 0, done.error
    assert system.holds(DOCS, tmp_path / "target")


def test_a_restore_whose_point_went_before_it_said_so_ends_with_6_and_touches_nothing(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem], outdated: Manifest
) -> None:
    proxy, system = near_s3
    gate = Gate()
    proxy.breaks("PUT .*/reading/", gate.before)
    at = str(outdated.consistent_at)
    with system.running("restore", DOCS, "--at", at, "--yes", "--to", tmp_path / "target") as restore:
        assert gate.reached.wait(PATIENCE)
        assert system.run("prune", DOCS, "--yes").code == 0
        gate.let_through()
        done = answer_of(restore)
    assert done.code == 6 and f"{outdated.id} of {DOCS} was pruned meanwhile" in done.error
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("target")]


def test_where_a_role_may_not_say_that_it_reads_the_restore_says_so_and_publishes_nothing_half(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem], outdated: Manifest
) -> None:
    proxy, system = near_s3
    proxy.breaks("PUT .*/reading/", answer_error(403, "AccessDenied"), times=100)
    done = system.run("restore", DOCS, "--yes", "--to", tmp_path / "whole")
    assert done.code == 0 and "a prune may remove what is read here" in done.err
    done, _ = restore_while_pruned(tmp_path, near_s3, str(outdated.consistent_at))
    assert done.code == 7 and "files.zst.age" in done.error and "it was pruned meanwhile" in done.error
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("target")]


def test_a_restore_of_a_point_that_stays_is_untouched_by_a_prune(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    _, system = near_s3
    for number in range(4):
        system.back_up(DOCS, f"{number:08x}")
    done, _ = restore_while_pruned(tmp_path, near_s3, "latest")
    assert done.code == 0
    assert system.holds(DOCS, tmp_path / "target")


def restore_while_pruned(folder: Path, near_s3: tuple[Proxy, FaultSystem], when: str) -> tuple[Answer, Answer]:
    """The prune runs from end to end when the restore has begun to fetch, and the rest is fetched after it."""
    proxy, system = near_s3
    gate = Gate()
    proxy.breaks("GET .*files", Gate.open().before)
    proxy.breaks("GET .*files", gate.before)
    with system.running("restore", DOCS, "--at", when, "--yes", "--to", folder / "target") as child:
        assert gate.reached.wait(PATIENCE)
        pruned = system.run("prune", DOCS, "--yes", "--json")
        assert pruned.code == 0
        gate.let_through()
        return answer_of(child), pruned
