"""What every store promises, written once. A test class inherits this and gives a `store` fixture."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from drkit.errors import AlreadyExists, NotFound, StoreError
from drkit.ports import Store

MIB = 1 << 20
TRICKY = [
    "a+b",
    "a-b",
    "a-b.c/d",
    "a.b",
    "a/b",
    "a/b-c",
    "a/b.c",
    "a/c/d",
    "a/b0",
    "a0",
    "A/b",
    "a=b/c@d",
    "a@b",
    "z",
    "0",
    "a_b",
    "aa/b",
    "a.b.c/d",
    "a/c.d",
    "a/c-d",
]
RANGES = [(0, None), (3, None), (0, 4), (2, 7), (9, 10), (5, 5), (7, 3), (8, 99), (10, None), (12, 20), (0, 0)]
NOT_PLAIN = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "../a",
    "a/../b",
    "a/./b",
    "a\\b",
    "a b",
    "a\nb",
    "a\n",
    "a\0b",
    "ä",
]
NOT_PLAIN += ["a:b", "a*b", ".incoming/a", "a" * 201, "a/" * 500 + "a"]


class CutShort(Exception):
    pass


def pattern(size: int, seed: int = 0) -> bytes:
    block = bytes((i * 7 + seed + (i >> 8)) % 256 for i in range(65521))
    return (block * (size // len(block) + 1))[:size]


def in_chunks(body: bytes, size: int = 3 * MIB // 2) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def then_fail(body: bytes) -> Iterator[bytes]:
    yield from in_chunks(body)
    raise CutShort


def keys(store: Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


class StoreContract:
    def test_what_was_put_comes_back(self, store: Store) -> None:
        store.put("sys/src/one.zst.age", iter([b"hello ", b"", b"world"]))
        assert b"".join(store.get("sys/src/one.zst.age")) == b"hello world"

    def test_an_object_may_be_empty(self, store: Store) -> None:
        store.put("none", iter([]))
        store.put("empty", iter([b"", b""]))
        assert b"".join(store.get("none")) == b"".join(store.get("empty")) == b""
        assert [(entry.key, entry.size) for entry in store.list()] == [("empty", 0), ("none", 0)]

    @pytest.mark.parametrize("size", [8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 37 * MIB + 5])
    def test_an_object_of_many_parts_comes_back_whole(self, store: Store, size: int) -> None:
        body = pattern(size)
        store.put("big", in_chunks(body))
        assert b"".join(store.get("big")) == body
        assert [entry.size for entry in store.list()] == [size]

    def test_a_chunk_may_be_bigger_than_a_part(self, store: Store) -> None:
        body = pattern(20 * MIB)
        store.put("big", iter([body]))
        assert b"".join(store.get("big")) == body

    def test_what_comes_back_comes_in_modest_chunks(self, store: Store) -> None:
        store.put("big", iter([pattern(5 * MIB)]))
        assert max(len(chunk) for chunk in store.get("big")) <= MIB

    def test_a_taken_key_is_refused_before_its_chunks_are_touched_and_keeps_its_bytes(self, store: Store) -> None:
        store.put("k", iter([b"first"]))
        untouched = in_chunks(b"second")
        with pytest.raises(AlreadyExists):
            store.put("k", untouched)
        assert list(untouched) == [b"second"]
        assert b"".join(store.get("k")) == b"first"

    @pytest.mark.parametrize("size", [0, 5, 20 * MIB])
    def test_a_put_whose_chunks_raise_leaves_nothing_and_passes_the_error_on(self, store: Store, size: int) -> None:
        with pytest.raises(CutShort):
            store.put("sys/cut", then_fail(pattern(size)))
        assert keys(store) == []
        with pytest.raises(NotFound):
            list(store.get("sys/cut"))
        assert store.sweep(soon()) == 0
        store.put("sys/cut", iter([b"again"]))
        assert b"".join(store.get("sys/cut")) == b"again"

    def test_an_object_appears_only_when_it_is_whole(self, store: Store) -> None:
        seen = []

        def watched() -> Iterator[bytes]:
            for _ in range(3):
                yield pattern(8 * MIB)
                seen.append(keys(store))

        store.put("big", watched())
        assert seen == [[], [], []]
        assert keys(store) == ["big"]

    def test_keys_are_listed_in_the_order_of_their_code_points(self, store: Store) -> None:
        for key in TRICKY:
            store.put(key, iter([key.encode()]))
        assert keys(store) == sorted(TRICKY)
        assert [b"".join(store.get(key)).decode() for key in TRICKY] == TRICKY

    def test_a_prefix_is_the_beginning_of_a_key_and_not_a_folder(self, store: Store) -> None:
        for key in ("a/b", "a/bc/d", "a/c", "ab", "b/a", "a/b-"):
            store.put(key, iter([b"x"]))
        assert keys(store, "a/b") == ["a/b", "a/b-", "a/bc/d"]
        assert keys(store, "a/bc/") == ["a/bc/d"]
        assert keys(store, "a") == ["a/b", "a/b-", "a/bc/d", "a/c", "ab"]
        assert keys(store, "a/b/") == []
        assert keys(store, "nothing/here") == []
        assert keys(store, "../") == keys(store, "/") == keys(store, "a//") == []

    def test_an_entry_tells_size_and_an_aware_time(self, store: Store) -> None:
        store.put("k", iter([b"12345"]))
        (entry,) = store.list("k")
        assert entry.size == 5
        assert entry.modified_at.utcoffset() == timedelta(0)

    def test_a_range_is_half_open_and_ends_with_the_object(self, store: Store) -> None:
        body = b"0123456789"
        store.put("k", iter([body]))
        for start, end in RANGES:
            assert b"".join(store.get("k", start, end)) == body[start:end], (start, end)

    def test_a_range_may_lie_across_parts(self, store: Store) -> None:
        body = pattern(18 * MIB)
        store.put("k", in_chunks(body))
        assert b"".join(store.get("k", 8 * MIB - 3, 16 * MIB + 3)) == body[8 * MIB - 3 : 16 * MIB + 3]

    def test_a_free_key_is_not_found(self, store: Store) -> None:
        store.put("a/b", iter([b"x"]))
        for key in ("nothing", "a", "a/b/c", "a/b-"):
            for start, end in ((0, None), (5, 5), (1, 2)):
                with pytest.raises(NotFound):
                    list(store.get(key, start, end))

    def test_a_deleted_key_is_free_again_and_deleting_it_twice_is_no_error(self, store: Store) -> None:
        for key in ("a/b/one", "a/b/two", "a/c"):
            store.put(key, iter([b"x"]))
        store.delete(iter(["a/b/one", "a/b/two"]))
        assert keys(store) == ["a/c"]
        store.delete(["a/b/one", "never/was", "a/c/d"])
        store.delete([])
        store.put("a/b", iter([b"now an object"]))
        assert keys(store) == ["a/b", "a/c"]

    @pytest.mark.parametrize("size", [100_000, 9 * MIB])
    def test_of_sixteen_puts_at_once_one_wins_and_its_bytes_are_whole(self, store: Store, size: int) -> None:
        bodies = [pattern(size, seed) for seed in range(4)]

        def put(number: int) -> int | None:
            try:
                store.put("raced/key", in_chunks(bodies[number % 4], 50_000))
            except AlreadyExists:
                return None
            return number % 4

        with ThreadPoolExecutor(16) as pool:
            winners = [number for number in pool.map(put, range(16)) if number is not None]
        self.check_race(winners, size)
        assert b"".join(store.get("raced/key")) in [bodies[number] for number in winners]
        assert keys(store) == ["raced/key"]
        assert store.sweep(soon()) == 0

    def check_race(self, winners: list[int], size: int) -> None:
        assert len(winners) == 1

    def test_sweeping_spares_what_is_whole(self, store: Store) -> None:
        store.put("k", iter([b"x"]))
        assert store.sweep(soon()) == 0
        assert keys(store) == ["k"]

    def test_a_key_that_is_not_plain_is_refused_everywhere(self, store: Store) -> None:
        uses = (
            lambda key: store.put(key, iter([b"x"])),
            lambda key: list(store.get(key)),
            lambda key: store.delete([key]),
        )
        for key in NOT_PLAIN:
            for use in uses:
                with pytest.raises(StoreError, match="cannot be a key") as refused:
                    use(key)
                assert refused.value.hint
        assert keys(store) == []
