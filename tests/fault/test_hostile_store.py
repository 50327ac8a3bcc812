"""Somebody else writes to the store: whatever is changed there, a restore ends with 7, names the object, and publishes
nothing. What can be told before the target is touched is told then."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drkit import age
from drkit.age.filekey import derive
from drkit.age.header import parse_header, split_header
from drkit.age.payload import encrypt
from drkit.catalog import commit, read_manifest
from drkit.catalog.document import LARGEST
from drkit.engines.files import FilesEngine
from drkit.errors import CaptureError, IntegrityError
from drkit.keyfiles import write_keys
from drkit.keyring import open_recipients, open_signers
from drkit.model import Point
from drkit.ports import Effort
from drkit.sealing import Seal, saving
from drkit.signing import new_signing_key
from drkit.stores.local import LocalStore
from drkit.stores.memory import MemoryStore
from drkit.streams.compress import compress, decompress
from fault_system import BOOKS, DOCS, FaultSystem, contents, make_system, utc_now

SECOND = "shop/second"


@dataclass(frozen=True)
class Prepared:
    """Two backups of the documents, one of the books, one of another source and one of another system, same keys."""

    system: FaultSystem
    objects: dict[str, bytes]
    folder: Path

    def points(self, name: str = DOCS) -> list[Point]:
        return self.system.points(name)

    def key(self, name: str, at: int = 0, source: str = DOCS) -> str:
        return f"{source}/backups/{self.points(source)[at].id}/{name}"

    def store(self, changed: dict[str, bytes | None]) -> MemoryStore:
        """The objects as they are, but for the changed ones; None is an object that was removed."""
        store = MemoryStore()
        for key, content in (self.objects | changed).items():
            if content is not None:
                store.put(key, iter([content]))
        return store

    def refuses(self, point: Point, key: str, changed: dict[str, bytes | None]) -> None:
        target = self.folder / "target"
        with pytest.raises(IntegrityError) as refusal:
            self.system.restore(point, target, self.store(changed))
        assert refusal.value.exit_code == 7
        assert str(refusal.value).startswith(key)
        assert not list(self.folder.iterdir())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("hostile")
    system = make_system(folder / "shop", size=150_000)
    docs = system.schedule.read_text().split("[sources.docs]")[1].split("[sources.books]")[0]
    system.schedule.write_text(system.schedule.read_text() + "[sources.second]" + docs)
    system.back_up(DOCS, "00000001")
    system.back_up(DOCS, "00000002")
    system.back_up(BOOKS)
    system.back_up(SECOND)
    (folder / "targets").mkdir()
    return Prepared(system, dict(contents(system.store_folder)), folder / "targets")


OBJECTS = ("files.zst.age", "index.zst.age", "manifest.json")


@settings(max_examples=80, deadline=None)
@given(name=st.sampled_from(OBJECTS), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_any_object_is_refused_by_name(prepared: Prepared, name: str, place: float, bit: int) -> None:
    key = prepared.key(name)
    content = bytearray(prepared.objects[key])
    position = int(place * len(content))
    content[position] ^= 1 << bit
    prepared.refuses(prepared.points()[0], key, {key: bytes(content)})


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_database_is_refused_by_name(prepared: Prepared, place: float, bit: int) -> None:
    key = prepared.key("database.zst.age", source=BOOKS)
    content = bytearray(prepared.objects[key])
    content[int(place * len(content))] ^= 1 << bit
    prepared.refuses(prepared.points(BOOKS)[0], key, {key: bytes(content)})


def test_a_flipped_bit_in_any_byte_of_a_manifest_is_refused_by_name(prepared: Prepared) -> None:
    key, point = prepared.key("manifest.json"), prepared.points()[0]
    signers = open_signers(prepared.system.source(DOCS).system)
    for position in range(len(prepared.objects[key])):
        content = bytearray(prepared.objects[key])
        content[position] ^= 1 << position % 8
        store = MemoryStore()
        store.put(key, iter([bytes(content)]))
        with pytest.raises(IntegrityError) as refusal:
            read_manifest(store, DOCS, point.id, signers)
        assert str(refusal.value).startswith(key)


@settings(max_examples=40, deadline=None)
@example(name="files.zst.age", share=0.0)
@example(name="index.zst.age", share=0.0)
@example(name="manifest.json", share=0.0)
@given(name=st.sampled_from(OBJECTS), share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_object_is_refused_by_name(prepared: Prepared, name: str, share: float) -> None:
    key = prepared.key(name)
    content = prepared.objects[key]
    size = int(share * len(content))
    prepared.refuses(prepared.points()[0], key, {key: content[:size]})


def test_an_object_cut_at_a_chunk_or_short_of_its_last_bytes_is_refused_by_name(prepared: Prepared) -> None:
    key = prepared.key("files.zst.age")
    content = prepared.objects[key]
    head = content.index(b"\n---") + len("\n--- ") + 43 + 1
    chunk = 65536 + 16
    cuts = [1, head, head + 1, head + 15, head + 16, head + 17, head + 16 + chunk, head + 16 + 2 * chunk]
    for size in (*cuts, len(content) - 17, len(content) - 16, len(content) - 1):
        prepared.refuses(prepared.points()[0], key, {key: content[:size]})


def test_an_object_with_bytes_after_its_end_is_refused_by_name(prepared: Prepared) -> None:
    for name in OBJECTS[:2]:
        key = prepared.key(name)
        for more in (b"\0", prepared.objects[key]):
            prepared.refuses(prepared.points()[0], key, {key: prepared.objects[key] + more})


@pytest.mark.parametrize("name", OBJECTS[:2])
def test_an_object_that_was_removed_is_named(prepared: Prepared, name: str) -> None:
    prepared.refuses(prepared.points()[0], prepared.key(name), {prepared.key(name): None})


def test_an_object_swapped_for_another_valid_one_is_refused_by_name(prepared: Prepared) -> None:
    """Of another backup, another piece, another source, another kind; all of them written by our own hosts."""
    point = prepared.points()[0]
    for name in OBJECTS:
        key = prepared.key(name)
        others = [prepared.key(name, 1), prepared.key(name, 0, SECOND)]
        others += [prepared.key(other) for other in OBJECTS if other != name]
        others.append(prepared.key("database.zst.age", 0, BOOKS))
        for other in others:
            prepared.refuses(point, key, {key: prepared.objects[other]})


def test_objects_of_another_system_with_the_same_keys_are_refused_by_name(prepared: Prepared) -> None:
    ours = prepared.system
    other = ours.schedule.with_name("other.toml")
    shutil.copy(ours.schedule, other)
    try:
        made = ours.back_up("other/docs")
        store = LocalStore(ours.store_folder)
        foreign = {entry.key: b"".join(store.get(entry.key)) for entry in store.list(f"other/docs/backups/{made.id}/")}
    finally:
        other.unlink()
    whole = {key.replace("other/", "shop/", 1): content for key, content in foreign.items()}
    manifest = f"{DOCS}/backups/{made.id}/manifest.json"
    prepared.refuses(Point(DOCS, made.id, made.consistent_at, 0), manifest, dict(whole))
    key = prepared.key("files.zst.age")
    prepared.refuses(prepared.points()[0], key, {key: foreign[f"other/docs/backups/{made.id}/files.zst.age"]})


def test_an_old_manifest_replayed_under_a_new_id_is_refused_by_name(prepared: Prepared) -> None:
    old, new = prepared.points()
    for point in (new, Point(DOCS, "20300101T000000.000000Z-00000000", new.consistent_at, 0)):
        key = f"{DOCS}/backups/{point.id}/manifest.json"
        prepared.refuses(point, key, {key: prepared.objects[f"{DOCS}/backups/{old.id}/manifest.json"]})


def test_a_renamed_backup_is_refused_by_name(prepared: Prepared) -> None:
    old = prepared.points()[0]
    renamed = Point(DOCS, "20250101T000000.000000Z-00000000", old.consistent_at, 0)
    moved = {key.replace(old.id, renamed.id): content for key, content in prepared.objects.items() if old.id in key}
    prepared.refuses(renamed, f"{DOCS}/backups/{renamed.id}/manifest.json", dict(moved))


def test_what_somebody_else_signed_for_our_recipients_is_refused_by_name(prepared: Prepared) -> None:
    stranger = Seal(open_recipients(prepared.system.source(DOCS).system), new_signing_key())
    for name in ("files", "index"):
        key, forged = prepared.key(f"{name}.zst.age"), MemoryStore()
        saving(forged, key.rsplit("/", 1)[0], stranger)(name, iter([b"what a stranger would have us restore"]))
        prepared.refuses(prepared.points()[0], key, {key: b"".join(forged.get(key))})


def test_what_anybody_encrypted_to_our_recipients_without_a_signature_is_refused_by_name(prepared: Prepared) -> None:
    key = prepared.key("files.zst.age")
    recipients = open_recipients(prepared.system.source(DOCS).system)
    prepared.refuses(prepared.points()[0], key, {key: b"".join(age.encrypt(iter([b"anything"]), recipients))})


@pytest.fixture
def system(tmp_path: Path) -> Iterator[FaultSystem]:
    system = make_system(tmp_path / "shop", size=1000)
    system.back_up(DOCS)
    yield system


def test_the_command_refuses_a_stranger_s_whole_backup_and_lists_the_others(
    system: FaultSystem, tmp_path: Path
) -> None:
    keys, stranger = system.folder / "keys", tmp_path / "stranger"
    own = {name: (keys / name).read_text() for name in ("signing", "signer")}
    write_keys(stranger)
    for name in own:
        (keys / name).write_text((stranger / name).read_text())
    forged = system.back_up(DOCS).id
    for name, text in own.items():
        (keys / name).write_text(text)
    [honest] = [point for point in system.points(DOCS) if point.id != forged]
    done = system.run("restore", DOCS, "--to", tmp_path / "target")
    assert done.code == 7 and f"{forged}/manifest.json" in done.error and "not an accepted signer" in done.error
    assert not (tmp_path / "target").exists()
    assert {each["id"] for each in system.run("backup", "list", DOCS, "--json").document["points"]} == {
        forged,
        honest.id,
    }
    assert system.is_whole(honest, tmp_path / "target")


def test_prune_removes_nothing_while_a_manifest_that_stays_cannot_be_believed(system: FaultSystem) -> None:
    for _ in range(4):
        system.back_up(DOCS)
    newest = system.points(DOCS)[-1]
    path = system.store_folder / DOCS / "backups" / newest.id / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"docs", b"dogs"))
    before = contents(system.store_folder)
    done = system.run("prune", DOCS, "--yes")
    assert done.code == 7 and f"{newest.id}/manifest.json" in done.error
    assert contents(system.store_folder) == before


def test_the_wrong_identity_none_and_the_second_one_give_three_distinct_answers(
    system: FaultSystem, tmp_path: Path
) -> None:
    write_keys(tmp_path / "escrow")
    own = (system.folder / "keys" / "recipient").read_text()
    second = (tmp_path / "escrow" / "recipient").read_text()
    system.edit('recipients = ["file:../keys/recipient"]', f'recipients = ["{own.strip()}", "{second.strip()}"]')
    system.back_up(DOCS)
    target = tmp_path / "place" / "docs"
    target.parent.mkdir()

    write_keys(tmp_path / "wrong")
    identity = system.folder / "keys" / "identity"
    identity.write_bytes((tmp_path / "wrong" / "identity").read_bytes())
    wrong = system.run("restore", DOCS, "--to", target)
    assert wrong.code == 7 and "files.zst.age" in wrong.error and "identities opens it" in wrong.error

    identity.unlink()
    missing = system.run("restore", DOCS, "--to", target)
    assert missing.code == 3 and "keys/identity" in missing.error
    assert not any(target.parent.iterdir())

    identity.write_bytes((tmp_path / "escrow" / "identity").read_bytes())
    assert system.run("restore", DOCS, "--to", target).code == 0
    assert system.holds(DOCS, target)


def test_other_content_behind_a_signed_header_is_refused_though_its_maker_holds_an_identity(prepared: Prepared) -> None:
    """Who can open a piece has its file key, and could encrypt a payload that the header's signature covers too."""
    key = prepared.key("database.zst.age", source=BOOKS)
    content = prepared.objects[key]
    head, rest = split_header(iter([content]))
    [identity] = prepared.system.keyring().identities
    [file_key] = filter(None, (identity.unwrap(stanza) for stanza in parse_header(head).stanzas))
    nonce = b"".join(rest)[:16]
    plain = b"".join(decompress(age.decrypt(iter([content]), [identity])))
    forged = compress(iter([plain[:-10] + b"0123456789"]), Effort.ANYTHING)
    payload = b"".join(encrypt(derive(file_key, nonce, b"payload"), forged))
    [point] = prepared.points(BOOKS)
    prepared.refuses(point, key, {key: head + nonce + payload})


def encrypted_bomb(work: str) -> bytes:
    """An age header that a passphrase would have to be stretched for, as often as its number says."""
    stanza = f"-> scrypt {'A' * 22} {work}\n{'A' * 43}\n"
    return f"age-encryption.org/v1\n{stanza}--- {'A' * 43}\n".encode() + bytes(32)


@pytest.mark.parametrize("work", ["21", "40", "99", "18446744073709551616"])
def test_an_object_that_asks_for_endless_work_is_refused_before_any_is_done(prepared: Prepared, work: str) -> None:
    key = prepared.key("files.zst.age")
    prepared.refuses(prepared.points()[0], key, {key: encrypted_bomb(work)})
    with pytest.raises(IntegrityError, match="work factor is not a number from 1 to 20"):
        list(age.decrypt(iter([encrypted_bomb(work)]), [age.Passphrase("anything")]))


BOMBS = {
    "nested lists": b"[" * 500_000,
    "nested tables": b'{"a":' * 500_000 + b"1" + b"}" * 500_000,
    "a number of a million digits": b'{"drkit": ' + b"9" * 1_000_000 + b"}",
    "a million pieces that nobody signed": b'{"pieces": [' + b",".join([b'{"name":"a"}'] * 1_000_000) + b"]}",
    "no text": bytes(range(256)) * 1000,
    "nothing": b"",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_manifest_that_is_a_bomb_is_refused_by_name(prepared: Prepared, bomb: str) -> None:
    key = prepared.key("manifest.json")
    prepared.refuses(prepared.points()[0], key, {key: BOMBS[bomb]})


class Endless(MemoryStore):
    """Gives one object without an end, and counts how much of it was taken."""

    taken = 0

    def get(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        while True:
            self.taken += 1 << 20
            yield b" " * (1 << 20)


def test_a_manifest_without_end_is_not_taken_into_memory(prepared: Prepared) -> None:
    store = Endless()
    signers = open_signers(prepared.system.source(DOCS).system)
    with pytest.raises(IntegrityError, match="is not a document that drkit wrote"):
        read_manifest(store, DOCS, prepared.points()[0].id, signers)
    assert store.taken == LARGEST


def test_a_backup_is_never_made_with_a_manifest_that_would_not_be_read(prepared: Prepared) -> None:
    manifest = read_manifest(
        prepared.store({}), DOCS, prepared.points()[0].id, open_signers(prepared.system.source(DOCS).system)
    )
    store = MemoryStore()
    with pytest.raises(CaptureError, match="more than is read of one"):
        commit(store, replace(manifest, pieces=manifest.pieces * 40_000), new_signing_key())
    assert not list(store.list(""))


def test_records_that_are_bombs_make_no_command_fall_over(system: FaultSystem) -> None:
    """Notes that nobody signed: whoever can put objects can put these."""
    began = "20260101T000000.000000Z-00000000"
    for job in ("backup/docs", "prune/_"):
        record = system.store_folder / "shop" / "runs" / job / f"{began}.failed-1.json"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_bytes(b"[" * 500_000)
    told = system.store_folder / "shop" / "notices" / "00000001.told.json"
    told.parent.mkdir(parents=True, exist_ok=True)
    told.write_bytes(b'{"a":' * 500_000)
    done = system.run("status", "--json")
    assert done.code in (0, 8), done.err
    assert system.run("backup", "now", DOCS).code == 0


def test_a_flood_of_objects_hides_no_point_and_is_none(system: FaultSystem) -> None:
    [honest] = system.points(DOCS)
    folder = system.store_folder / DOCS / "backups"
    for number in range(5000):
        day = f"{2000 + number // 300:04}{1 + number % 12:02}{1 + number % 28:02}"
        place = folder / f"{day}T000000.{number:06}Z-00000000"
        place.mkdir()
        (place / "junk.zst.age").write_bytes(b"x")
    listed = system.run("backup", "list", DOCS, "--json")
    assert [each["id"] for each in listed.document["points"]] == [honest.id]
    assert system.run("restore", DOCS, "--to", system.folder / "restored").code == 0
    audited = system.run("audit", DOCS, "--json")
    assert (audited.code, len(audited.document["points"])) == (0, 1)


def test_points_that_a_stranger_dates_newer_take_no_real_point_s_place(system: FaultSystem) -> None:
    """A thousand manifests that cannot be believed, each newer than the last good point: the good one is restored by
    its moment, and status says what it found."""
    [honest] = system.points(DOCS)
    for number in range(100):
        place = system.store_folder / DOCS / "backups" / f"20260102T000000.{number:06}Z-00000000"
        place.mkdir()
        (place / "manifest.json").write_bytes(b"{}")
        (place / "files.zst.age").write_bytes(b"x")
    done = system.run("audit", DOCS, "--json")
    assert done.code == 7
    outcomes = [each["outcome"] for each in done.document["points"]]
    assert (outcomes.count("not signed"), outcomes.count("ok")) == (100, 1)
    assert system.is_whole(honest, system.folder / "restored")


def test_a_store_that_was_rolled_back_or_holds_the_newest_back_is_overdue(system: FaultSystem) -> None:
    """Everything that is left is genuine. Only time tells: nobody can make a newer point than there was."""
    [point] = system.points(DOCS)
    a_day_ago = utc_now() - timedelta(days=1)
    engine = FilesEngine(system.folder / "docs", (), (), None, clock=lambda: a_day_ago)
    old = system.back_up(DOCS, "00000007", clock=lambda: a_day_ago, engine=engine)
    system.store_folder.joinpath(DOCS, "backups", point.id, "manifest.json").unlink()
    assert [each.id for each in system.points(DOCS)] == [old.id]
    done = system.run("status", DOCS, "--json")
    assert done.code == 8
    [source] = done.document["sources"]
    assert any("overdue" in each["what"] for each in source["troubles"]), source["troubles"]
