"""The cap on bytes a second, as arithmetic: nobody waits here."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drkit.streams.throttle import Throttle, book

SIZES = st.lists(st.integers(min_value=0, max_value=10_000_000), max_size=50)
RATES = st.integers(min_value=1, max_value=10**9)


def test_the_first_bytes_do_not_wait() -> None:
    assert book(0.0, 1000.0, 500, 100) == (0.0, 1005.0)


def test_the_next_bytes_wait_until_the_first_had_their_time() -> None:
    assert book(1005.0, 1001.0, 200, 100) == (4.0, 1007.0)


def test_a_pause_is_not_made_up_for() -> None:
    assert book(1005.0, 2000.0, 100, 100) == (0.0, 2001.0)


@given(SIZES, RATES, st.lists(st.floats(min_value=0, max_value=60), min_size=50, max_size=50))
def test_no_stretch_of_time_sees_more_than_the_rate(sizes: list[int], rate: int, pauses: list[float]) -> None:
    """Whatever the readers do meanwhile: the bytes after one chunk come when that chunk has had its time."""
    now = free_at = 0.0
    passed = []
    for size, pause in zip(sizes, pauses, strict=False):
        wait, free_at = book(free_at, now, size, rate)
        passed.append((now + wait, size))
        now += wait + pause
    for (at, size), (later, _) in pairwise(passed):
        assert later >= at
        assert (later - at) * rate >= size * (1 - 1e-6) - rate * 1e-6


@given(st.lists(st.binary(max_size=100), max_size=20), st.sampled_from([None, 10**6, 10**9]))
def test_bytes_arrive_whole_and_in_order(chunks: list[bytes], rate: int | None) -> None:
    assert b"".join(Throttle(rate).slow(iter(chunks))) == b"".join(chunks)


def test_a_slow_rate_hands_on_small_parts_so_that_nobody_waits_long() -> None:
    parts = list(Throttle(8000).slow(iter([bytes(1500)])))
    assert [len(part) for part in parts] == [1000, 500]


def test_without_a_rate_chunks_pass_as_they_are() -> None:
    chunks = [bytes(3_000_000), b"x"]
    assert list(Throttle(None).slow(iter(chunks))) == chunks
