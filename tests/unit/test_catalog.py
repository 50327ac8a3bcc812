import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from drkit.catalog import commit, find_point, make_id, manifest_key, mark, parse_id, pin, read_manifest, survey, unpin
from drkit.errors import AlreadyExists, IntegrityError, NotFound, UnknownFormat, UsageError
from drkit.model import Manifest, Point
from drkit.ports import Store
from drkit.signing import new_signing_key, sign_document
from drkit.stores.memory import MemoryStore
from manifests import AT, KEY, SIGNERS, manifest_of, put, put_backup


def body_of(store: Store, key: str) -> bytes:
    return b"".join(store.get(key))


def ids(store: Store, source: str = "shop/main") -> list[str]:
    return [point.id for point in survey(store, source).points]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_manifest_comes_back_as_it_was_committed(store: MemoryStore) -> None:
    manifest = manifest_of()
    commit(store, manifest, KEY)
    assert read_manifest(store, manifest.source, manifest.id, SIGNERS) == manifest
    with pytest.raises(AlreadyExists):
        commit(store, manifest, KEY)


def test_a_manifest_that_is_not_there_is_not_found(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        read_manifest(store, "shop/main", make_id(AT, "0" * 8), SIGNERS)


def test_a_manifest_replayed_under_a_new_name_is_refused_by_that_name(store: MemoryStore) -> None:
    manifest = manifest_of()
    commit(store, manifest, KEY)
    later = make_id(AT + timedelta(days=1), "7f3a9c01")
    put(store, manifest_key("shop/main", later), body_of(store, manifest_key("shop/main", manifest.id)))
    with pytest.raises(IntegrityError, match=later):
        read_manifest(store, "shop/main", later, SIGNERS)
    assert read_manifest(store, "shop/main", manifest.id, SIGNERS) == manifest


@pytest.mark.parametrize("other", ["shop/other", "app/main"])
def test_a_manifest_moved_to_another_source_is_refused(store: MemoryStore, other: str) -> None:
    manifest = manifest_of()
    commit(store, manifest, KEY)
    put(store, manifest_key(other, manifest.id), body_of(store, manifest_key("shop/main", manifest.id)))
    with pytest.raises(IntegrityError, match=other):
        read_manifest(store, other, manifest.id, SIGNERS)


def test_a_manifest_with_any_byte_changed_is_refused_and_named(store: MemoryStore) -> None:
    manifest = manifest_of(pieces=1)
    commit(store, manifest, KEY)
    key = manifest_key(manifest.source, manifest.id)
    good = body_of(store, key)
    for at in range(len(good)):
        store.delete([key])
        put(store, key, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(IntegrityError, match=manifest.id):
            read_manifest(store, manifest.source, manifest.id, SIGNERS)


@pytest.mark.parametrize("end", [0, 1, 100, -2])
def test_a_manifest_cut_short_is_refused_and_named(store: MemoryStore, end: int) -> None:
    manifest = manifest_of()
    commit(store, manifest, KEY)
    key = manifest_key(manifest.source, manifest.id)
    good = body_of(store, key)
    store.delete([key])
    put(store, key, good[:end])
    with pytest.raises(IntegrityError, match=manifest.id):
        read_manifest(store, manifest.source, manifest.id, SIGNERS)


def test_a_manifest_of_somebody_else_is_refused(store: MemoryStore) -> None:
    manifest = manifest_of()
    commit(store, manifest, new_signing_key())
    with pytest.raises(IntegrityError, match="not an accepted signer"):
        read_manifest(store, manifest.source, manifest.id, SIGNERS)


def _commit_document(store: Store, manifest: Manifest, **changes: object) -> None:
    """What somebody with the right key might write, by another version or by mistake."""
    commit(store, manifest, KEY)
    key = manifest_key(manifest.source, manifest.id)
    document = json.loads(body_of(store, key))
    del document["signature"]
    store.delete([key])
    document = {name: value for name, value in {**document, **changes}.items() if value is not None}
    put(store, key, sign_document(KEY, key, document))


@pytest.mark.parametrize("version", [2, 0, "1"])
def test_a_manifest_of_another_format_is_refused_and_says_who_reads_it(store: MemoryStore, version: object) -> None:
    manifest = manifest_of()
    _commit_document(store, manifest, drkit=version)
    with pytest.raises(
        UnknownFormat, match=rf"{manifest.id}/manifest.json is written in format {version!r}"
    ) as refused:
        read_manifest(store, manifest.source, manifest.id, SIGNERS)
    assert "newer drkit" in refused.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"pieces": None},
        {"pieces": 5},
        {"pieces": [{"name": "part0"}]},
        {"started_at": None},
        {"finished_at": 17},
        {"finished_at": "yesterday"},
        {"kind": None},
        {"id": make_id(AT, "00000000")},
        {"source": "shop/other"},
        {"consistent_at": "2020-11-20T14:30:00Z"},
    ],
)
def test_a_signed_manifest_that_says_too_little_or_speaks_of_another_backup_is_refused_and_named(
    store: MemoryStore, changes: dict[str, object]
) -> None:
    manifest = manifest_of()
    _commit_document(store, manifest, **changes)
    with pytest.raises(IntegrityError, match=manifest.id):
        read_manifest(store, manifest.source, manifest.id, SIGNERS)


def test_a_point_exists_exactly_when_its_manifest_does(store: MemoryStore) -> None:
    manifest = manifest_of()
    for piece in manifest.pieces:
        put(store, piece.key, b"x" * piece.sealed.size)
        assert ids(store) == []
    commit(store, manifest, KEY)
    assert ids(store) == [manifest.id]
    store.delete([manifest_key(manifest.source, manifest.id)])
    assert ids(store) == []
    assert len(survey(store, "shop/main").entries) == 2


def test_one_listing_tells_every_point_oldest_first_with_its_size_and_moment(store: MemoryStore) -> None:
    days = [0, 2, 1]
    for day in days:
        manifest = manifest_of(AT + timedelta(days=day))
        for piece in manifest.pieces:
            put(store, piece.key, b"x" * piece.sealed.size)
        commit(store, manifest, KEY)
    points = survey(store, "shop/main").points
    assert [point.consistent_at for point in points] == [AT + timedelta(days=day) for day in sorted(days)]
    for point in points:
        manifest = read_manifest(store, point.source, point.id, SIGNERS)
        assert point.stored_bytes == manifest.stored_bytes == 21
        assert point.source == "shop/main"
        assert point.committed_at is not None
        assert (point.pinned, point.verified_at) == (False, None)


def test_what_is_not_a_backup_of_the_source_is_no_point(store: MemoryStore) -> None:
    commit(store, manifest_of(source="shop/main2"), KEY)
    commit(store, manifest_of(source="shop2/main"), KEY)
    for foreign in ("lost+found", "20261120", "20261399T000000.000000Z-00000000", f"{make_id(AT, 'f' * 8)}.old"):
        put(store, f"shop/main/backups/{foreign}/manifest.json")
    put(store, "shop/main/backups/manifest.json")
    put(store, f"shop/main/backups/{make_id(AT, 'e' * 8)}/deeper/manifest.json")
    put(store, "shop/main/log/manifest.json")
    assert ids(store) == []


def test_a_pin_shows_in_the_listing_until_it_is_removed(store: MemoryStore) -> None:
    commit(store, manifest_of(), KEY)
    (point,) = survey(store, "shop/main").points
    pin(store, point, "before the migration", AT)
    (pinned,) = survey(store, "shop/main").points
    assert pinned == replace(point, pinned=True)
    with pytest.raises(AlreadyExists):
        pin(store, point, "another reason", AT)
    unpin(store, point)
    unpin(store, point)
    assert survey(store, "shop/main").points == (point,)


def test_an_id_tells_its_moment_to_the_microsecond_whatever_the_zone() -> None:
    elsewhere = AT.astimezone(ZoneInfo("Asia/Kolkata"))
    assert make_id(elsewhere, "7f3a9c01") == make_id(AT, "7f3a9c01") == "20201120T143000.123456Z-7f3a9c01"
    assert parse_id("20201120T143000.123456Z-7f3a9c01") == AT


@pytest.mark.parametrize(
    "text",
    ["", "20201120T143000Z-7f3a9c01", "20201120T143000.123456Z-7F3A9C01", "20201120T143000.123456Z",
     "20201120T143000.123456Z-7f3a9c01 ", "20201120T143000.123456Z-7f3a9c01\n", "20260230T143000.123456Z-7f3a9c01"],
)  # fmt: skip
def test_what_is_no_id_has_no_moment(text: str) -> None:
    assert parse_id(text) is None


def test_a_point_is_found_by_how_its_id_begins_if_only_one_does() -> None:
    points = [Point("shop/main", make_id(AT + timedelta(seconds=n), "0" * 8), AT, 1) for n in range(2)]
    assert find_point(points, points[1].id) is points[1]
    assert find_point(points, "20201120T143001") is points[1]
    with pytest.raises(UsageError, match="2 points have"):
        find_point(points, "20201120")
    with pytest.raises(UsageError, match="no point has"):
        find_point(points, "2025")


def test_a_point_is_refuted_or_verified_as_the_last_drill_that_could_tell_says(store: MemoryStore) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    first, second, third = (AT + timedelta(days=day) for day in (1, 2, 3))
    told = []
    for at, proof in ((first, "refuted"), (second, "verified"), (third, "refuted")):
        mark(store, "shop/main", manifest.id, make_id(at, "0" * 8), proof)
        [point] = survey(store, "shop/main").points
        told.append((point.refuted_at, point.verified_at, point.credible))
    assert told == [(first, None, False), (None, second, True), (third, None, False)]


def test_a_point_whose_pieces_are_all_gone_is_not_credible(store: MemoryStore) -> None:
    manifest = manifest_of()
    put_backup(store, manifest)
    store.delete([piece.key for piece in manifest.pieces])
    [point] = survey(store, "shop/main").points
    assert not point.credible
