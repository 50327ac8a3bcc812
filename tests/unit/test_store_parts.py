from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from drkit.stores.s3.parts import MIB, MOST_PARTS, cut, part_size, parts_at_once

TIB = 1 << 40


def test_five_tebibytes_fit_into_the_parts_that_s3_allows() -> None:
    assert sum(part_size(number) for number in range(1, MOST_PARTS + 1)) >= 5 * TIB


@given(st.integers(1, MOST_PARTS))
def test_a_part_is_as_big_as_s3_wants_and_never_smaller_than_the_one_before(number: int) -> None:
    assert 5 * MIB <= part_size(number) <= 5 * 1024 * MIB
    assert part_size(number) <= part_size(number + 1)


@given(st.integers(1, MOST_PARTS))
def test_parts_held_at_once_are_bounded_in_number_and_in_bytes(number: int) -> None:
    assert 2 <= parts_at_once(number) <= 4
    assert parts_at_once(number) == 2 or parts_at_once(number) * part_size(number) <= 32 * MIB


@given(st.lists(st.integers(0, 20 * MIB), max_size=5))
def test_cutting_loses_and_adds_nothing_and_only_the_last_part_is_short(sizes: list[int]) -> None:
    ocean = bytes(20 * MIB)
    parts = list(cut(ocean[:size] for size in sizes))
    lengths = [part.body.seek(0, 2) for part in parts]
    assert sum(lengths) == sum(sizes)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert all(length == part_size(part.number) for part, length in zip(parts[:-1], lengths, strict=False))
    assert len(parts) == 1 or lengths[-1] > 0


def test_a_part_is_filled_before_it_is_handed_on_and_no_more_is_read_than_it_needs() -> None:
    read = 0

    def source() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += MIB
            yield bytes(MIB)

    parts = cut(source())
    next(parts)
    assert read == part_size(1) + MIB
