"""What a store promises that keeps versions and can lock them. A test class inherits this and gives a `store` fixture,
in a bucket that was made with object lock."""

from datetime import UTC, datetime, timedelta

import pytest

from contract.store_contract import MIB, in_chunks, keys, pattern
from drkit.errors import AlreadyExists
from drkit.model import LockMode, Version
from drkit.ports import Store, Versioned, find_versioned

LATER = timedelta(days=2)


def now() -> datetime:
    return datetime.now(UTC)


def put(store: Store, key: str, body: bytes = b"x") -> None:
    store.put(key, iter([body]))


def ids(found: list[Version]) -> list[tuple[str, bool, bool]]:
    return [(each.key, each.current, each.marker) for each in found]


class VersionedContract:
    @pytest.fixture
    def versioned(self, store: Store) -> Versioned:
        found = find_versioned(store)
        assert found
        return found

    def test_what_a_delete_hides_is_not_listed_and_is_still_there(self, store: Store, versioned: Versioned) -> None:
        put(store, "a/one", b"first")
        store.delete(["a/one"])
        assert keys(store) == []
        marker, version = versioned.versions()
        assert ids([marker, version]) == [("a/one", True, True), ("a/one", False, False)]
        assert b"".join(versioned.get_version(version)) == b"first"
        assert version.size == 5

    def test_what_a_marker_hides_comes_back_when_the_marker_goes(self, store: Store, versioned: Versioned) -> None:
        put(store, "a/one", b"first")
        store.delete(["a/one"])
        marker, version = versioned.versions()
        versioned.bring_back(version, [marker])
        assert b"".join(store.get("a/one")) == b"first"
        assert ids(list(versioned.versions())) == [("a/one", True, False)]

    def test_what_was_overwritten_comes_back_by_a_copy(self, store: Store, versioned: Versioned) -> None:
        put(store, "a/one", b"first")
        store.delete(["a/one"])
        put(store, "a/one", b"another")
        newest, first = (each for each in versioned.versions() if not each.marker)
        assert newest.tag != first.tag
        versioned.bring_back(first)
        assert b"".join(store.get("a/one")) == b"first"
        assert next(versioned.versions()).tag == first.tag
        assert len(list(versioned.versions())) == 4

    def test_versions_come_key_by_key_and_the_newest_first(self, store: Store, versioned: Versioned) -> None:
        for key in ("b", "a/c", "a/b"):
            put(store, key)
            store.delete([key])
            put(store, key, b"again")
        found = list(versioned.versions())
        assert [each.key for each in found] == ["a/b"] * 3 + ["a/c"] * 3 + ["b"] * 3
        assert [each.current for each in found] == [True, False, False] * 3
        assert [each.key for each in versioned.versions("a/")] == ["a/b"] * 3 + ["a/c"] * 3

    def test_a_version_that_is_removed_is_gone_for_good(self, store: Store, versioned: Versioned) -> None:
        put(store, "a/one")
        put(store, "a/two")
        store.delete(["a/one"])
        assert list(versioned.delete_versions(versioned.versions("a/one"))) == []
        assert [each.key for each in versioned.versions()] == ["a/two"]


class LockContract:
    @pytest.fixture
    def versioned(self, store: Store) -> Versioned:
        found = find_versioned(store)
        assert found
        return found

    @pytest.mark.parametrize("size", [1, 20 * MIB])
    @pytest.mark.parametrize("mode", ["governance", "compliance"])
    def test_what_is_put_locked_is_locked_and_cannot_be_removed(
        self, size: int, mode: LockMode, store: Store, versioned: Versioned
    ) -> None:
        until = now() + LATER
        versioned.put_locked("a/one", in_chunks(pattern(size)), mode, until)
        put(store, "a/two")
        one, two = versioned.versions()
        locked = versioned.locked_until(one)
        assert locked
        assert abs(locked - until) <= timedelta(seconds=1)
        assert versioned.locked_until(two) is None
        assert list(versioned.delete_versions([one, two])) == [(one, locked)]
        assert [each.id for each in versioned.versions()] == [one.id]
        assert b"".join(store.get("a/one")) == pattern(size)

    def test_a_lock_is_made_longer_and_never_shorter(self, store: Store, versioned: Versioned) -> None:
        until = now() + LATER
        versioned.put_locked("a/one", iter([b"x"]), "governance", until)
        [version] = versioned.versions()
        versioned.extend(version, "governance", until + LATER)
        longer = versioned.locked_until(version)
        assert longer
        assert longer >= until + LATER - timedelta(seconds=1)
        versioned.extend(version, "governance", until)
        assert versioned.locked_until(version) == longer

    def test_a_key_that_is_taken_is_not_taken_by_a_locked_put(self, store: Store, versioned: Versioned) -> None:
        put(store, "a/one")
        with pytest.raises(AlreadyExists):
            versioned.put_locked("a/one", iter([b"y"]), "governance", now() + LATER)
        assert len(list(versioned.versions())) == 1
