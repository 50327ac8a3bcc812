"""The rows that differ, against a multiset difference that holds everything."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.postgres.rows import find_difference
from drkit.ports import Chunks

ROWS = st.lists(st.text("abc0\t", max_size=4).map(str.encode), max_size=30)
KEY = [("first", 0)]


def cut(text: bytes, size: int) -> Chunks:
    return (text[at : at + size] for at in range(0, len(text), size))


def copied(rows: list[bytes]) -> bytes:
    return b"".join(row + b"\n" for row in rows)


@given(ROWS, ROWS, ROWS, st.integers(1, 9), st.integers(1, 9), st.randoms())
def test_the_counts_are_those_of_a_multiset_difference_in_any_order(common, backup, restored, first, second, random):
    ours, theirs = [*common, *backup], [*common, *restored]
    random.shuffle(theirs)
    found = find_difference(lambda: cut(copied(ours), first), lambda: cut(copied(theirs), second), KEY, shown=1000)
    missing, extra = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    assert (found.missing, found.extra, found.exact) == (missing.total(), extra.total(), True)
    names = {"first=" + row.decode().split("\t")[0] for row in [*missing, *extra]}
    assert len(found.examples) == len(set(found.examples))
    assert set(found.examples) == names


@given(ROWS, ROWS, st.integers(0, 5))
def test_with_too_little_room_the_counts_are_lower_bounds_and_still_find_a_difference(ours, theirs, held):
    found = find_difference(lambda: cut(copied(ours), 100), lambda: cut(copied(theirs), 100), KEY, held=held)
    missing, extra = (Counter(ours) - Counter(theirs)).total(), (Counter(theirs) - Counter(ours)).total()
    assert (found.missing <= missing, found.extra <= extra) == (True, True)
    assert bool(found.missing or found.extra) == bool(missing or extra)
    assert not found.exact or (found.missing, found.extra) == (missing, extra)
