"""What is handed over to threads: in order, bounded, and whichever side fails ends both."""

from collections.abc import Iterator
from threading import Barrier

import pytest

from drkit.ports import Chunks
from drkit.streams.behind import hand_over


def test_each_name_is_taken_with_its_bytes_and_the_results_keep_their_order() -> None:
    named = iter([("a", b"1"), ("a", b"2"), ("b", b""), ("a", b"3")])
    assert hand_over(named, lambda name, chunks: (name, b"".join(chunks))) == [("a", b"12"), ("b", b""), ("a", b"3")]


def test_two_are_taken_at_once() -> None:
    both = Barrier(2, timeout=30)

    def take(name: str, chunks: Chunks) -> str:
        list(chunks)
        both.wait()
        return name

    assert hand_over(iter([("a", b"1"), ("b", b"2")]), take) == ["a", "b"]


def test_a_taker_that_fails_ends_what_feeds_it() -> None:
    pulled = []

    def endless() -> Iterator[tuple[str, bytes]]:
        while True:
            pulled.append(1)
            yield "a", bytes(1 << 20)

    def take(_: str, chunks: Chunks) -> None:
        next(chunks)
        raise OSError("the store is full")

    with pytest.raises(OSError, match="the store is full"):
        hand_over(endless(), take)
    assert len(pulled) < 100


def test_an_error_in_what_comes_rises_in_the_taker_too() -> None:
    seen: list[BaseException] = []

    def broken() -> Iterator[tuple[str, bytes]]:
        yield "a", bytes(1 << 20)
        raise OSError("the line is cut")

    def take(_: str, chunks: Chunks) -> None:
        try:
            list(chunks)
        except OSError as error:
            seen.append(error)
            raise

    with pytest.raises(OSError, match="the line is cut"):
        hand_over(broken(), take)
    assert [str(error) for error in seen] == ["the line is cut"]
