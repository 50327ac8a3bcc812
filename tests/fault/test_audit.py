"""`drkit audit` after somebody was at the store, with the keys of a host that can open nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from drkit.audit import audit_points
from drkit.catalog import survey
from drkit.keyfiles import write_keys
from drkit.keyring import open_signers
from drkit.model import Point
from drkit.prune import plan_prune, prune
from drkit.retention import Policy, judge
from drkit.stores.local import LocalStore
from fault_system import BOOKS, DOCS, Answer, FaultSystem, contents, make_system, utc_now


@pytest.fixture
def system(tmp_path: Path) -> Iterator[FaultSystem]:
    """Without the identity: an audit neither needs nor looks for it."""
    system = make_system(tmp_path / "shop", size=400_000)
    for token in ("00000001", "00000002", "00000003"):
        system.back_up(DOCS, token)
    system.back_up(BOOKS)
    (system.folder / "keys" / "identity").unlink()
    yield system


def outcomes(done: Answer) -> dict[str, str]:
    return {each["id"]: each["outcome"] for each in done.document["points"]}


def path_of(system: FaultSystem, point: Point, name: str = "files.zst.age") -> Path:
    return system.store_folder / DOCS / "backups" / point.id / name


def test_an_audit_of_whole_points_reads_every_byte_and_needs_no_identity(system: FaultSystem) -> None:
    before = contents(system.store_folder)
    done = system.run("audit", "--json")
    assert (done.code, set(outcomes(done).values())) == (0, {"ok"})
    stored = sum(len(content) for key, content in before.items() if key.endswith(".age"))
    assert sum(each["read_bytes"] for each in done.document["points"]) == stored
    assert contents(system.store_folder) == before


def test_an_audit_names_the_object_that_was_flipped_cut_swapped_or_removed_and_no_other_point(
    system: FaultSystem,
) -> None:
    first, second, third = system.points(DOCS)

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def swap(path: Path) -> None:
        path.write_bytes(path_of(system, third).read_bytes())

    harms = {
        "not the object": flip,
        "cut short": lambda path: path.write_bytes(path.read_bytes()[:50]),
        "that its manifest lists": lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "signature that does not fit": swap,
        "not in the store": lambda path: path.unlink(),
    }
    for word, harm in harms.items():
        path = path_of(system, second)
        kept = path.read_bytes()
        harm(path)
        done = system.run("audit", "--json")
        assert done.code == 7
        found = outcomes(done)
        assert found.pop(second.id) == "damaged"
        assert set(found.values()) == {"ok"}
        [damage] = [damage for each in done.document["points"] for damage in each["damage"]]
        assert damage["object"] == f"{DOCS}/backups/{second.id}/files.zst.age"
        assert word in damage["what"], damage
        path.write_bytes(kept)
    assert system.run("audit").code == 0
    assert first.id in outcomes(system.run("audit", DOCS, "--json"))


def test_a_point_of_a_stranger_is_not_signed(system: FaultSystem, tmp_path: Path) -> None:
    write_keys(tmp_path / "stranger")
    own = {name: (system.folder / "keys" / name).read_text() for name in ("signing", "signer")}
    for name in own:
        (system.folder / "keys" / name).write_text((tmp_path / "stranger" / name).read_text())
    forged = system.back_up(DOCS, "00000009").id
    for name, text in own.items():
        (system.folder / "keys" / name).write_text(text)
    done = system.run("audit", "--json")
    assert done.code == 7
    assert {key for key, outcome in outcomes(done).items() if outcome == "not signed"} == {forged}


def test_a_sample_reads_a_part_and_still_finds_what_the_listing_shows_of_the_rest(system: FaultSystem) -> None:
    done = system.run("audit", DOCS, "--sample", "0.01%", "--json")
    assert done.code == 0
    assert {each["read_bytes"] for each in done.document["points"]} == {None}
    assert done.document["sample"][0]["of"] == 10_000
    path_of(system, system.points(DOCS)[0]).unlink()
    done = system.run("audit", DOCS, "--sample", "0.01%", "--json")
    assert done.code == 7
    assert list(outcomes(done).values()).count("damaged") == 1


def test_with_an_identity_each_object_is_opened_and_another_identity_opens_none(
    system: FaultSystem, tmp_path: Path
) -> None:
    missing = system.run("audit", "--open")
    assert missing.code == 3 and "keys/identity" in missing.error
    write_keys(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "identity", system.folder / "keys" / "identity")
    done = system.run("audit", "--open", "--json")
    assert (done.code, set(outcomes(done).values())) == (7, {"not opened"})
    path_of(system, system.points(DOCS)[0]).unlink()
    assert set(outcomes(system.run("audit", "--open", "--json")).values()) == {"not opened", "damaged"}


def test_a_point_that_is_pruned_while_it_is_audited_is_no_damage(system: FaultSystem) -> None:
    store, signers = system.store(), open_signers(system.source(DOCS).system)
    listing = survey(store, DOCS)
    verdicts = judge(Policy(last=1, min_points=1), listing.points, system.source(DOCS).system.table.timezone, utc_now())
    prune(store, plan_prune(listing, verdicts, (), utc_now() - utc_now(), utc_now()), lambda *_: None)
    found = list(audit_points(store, listing, signers, lambda _: True))
    assert [(each.point.id, each.outcome) for each in found] == [(listing.points[-1].id, "ok")]


class PrunedMeanwhile(LocalStore):
    """Somebody removes the oldest point, manifest first, when its first object is asked for."""

    victim = ""

    def get(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if key.startswith(self.victim) and key.endswith(".age"):
            self.delete(sorted((entry.key for entry in self.list(self.victim)), reverse=True))
        return super().get(key, start, end)


def test_a_point_that_is_pruned_while_its_objects_are_read_is_no_damage(system: FaultSystem) -> None:
    store, signers = PrunedMeanwhile(system.store_folder), open_signers(system.source(DOCS).system)
    listing = survey(store, DOCS)
    store.victim = f"{DOCS}/backups/{listing.points[0].id}/"
    found = list(audit_points(store, listing, signers, lambda _: True))
    assert [each.outcome for each in found] == ["ok", "ok"]
    assert listing.points[0].id not in [each.point.id for each in found]


def test_an_object_that_the_disk_does_not_give_ends_with_the_store_s_code_and_names_it(system: FaultSystem) -> None:
    path = path_of(system, system.points(DOCS)[0])
    path.unlink()
    path.symlink_to("/proc/self/mem")  # opens, and then refuses to be read
    done = system.run("audit", DOCS, "--json")
    assert done.code == 5
    assert sorted(outcomes(done).values()) == ["not read", "ok", "ok"]


def test_an_audit_says_in_words_what_is_whole_and_what_is_not(system: FaultSystem) -> None:
    assert "3 of 3 points are whole; 3 read to the last byte" in system.run("audit", DOCS).out
    path_of(system, system.points(DOCS)[1]).unlink()
    out = system.run("audit", DOCS).out
    assert f"{system.points(DOCS)[1].id}: damaged: " in out and "2 of 3 points are whole" in out
