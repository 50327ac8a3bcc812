"""Which tables get streams of their own, and how big ones are cut: no block is lost, none is read twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.postgres.division import MIB, Sizes, Stream, divide
from drkit.engines.postgres.dump import copy_in, copy_out
from drkit.engines.postgres.tables import Table

BLOCK = 8192
PLAIN = Sizes()


def table(number: int = 1, kind: str = "r", permanent: bool = True, columns: tuple[str, ...] = ("a",)) -> Table:
    return Table(number, "public", f"t{number}", kind, permanent, columns)


def divided(*sizes: int, by: Sizes = PLAIN) -> list[Stream]:
    tables = [table(number) for number in range(len(sizes))]
    return divide(tables, dict(enumerate(sizes)), BLOCK, by)


@given(
    st.lists(st.integers(min_value=0, max_value=2**31).map(lambda blocks: blocks * BLOCK), max_size=8),
    st.integers(min_value=1, max_value=2**34),
    st.integers(min_value=1, max_value=2**34),
)
def test_every_block_of_a_big_table_is_in_exactly_one_stream(sizes: list[int], smallest: int, segment: int) -> None:
    streams = divided(*sizes, by=Sizes(smallest, segment))
    for number, size in enumerate(sizes):
        mine = [stream for stream in streams if stream.table.number == number]
        assert bool(mine) == (size >= smallest)
        assert [stream.start for stream in mine[:1]] == [0] * bool(mine)
        assert [stream.end for stream in mine[-1:]] == [None] * bool(mine)
        assert all(one.end == other.start for one, other in pairwise(mine))
        assert all(stream.start <= (stream.end or stream.start) for stream in mine)


@given(st.lists(st.integers(min_value=0, max_value=2**42), max_size=8))
def test_pieces_are_numbered_in_order_and_the_segments_of_a_table_stand_together(sizes: list[int]) -> None:
    streams = divided(*sizes)
    assert [stream.piece for stream in streams] == [f"data-{number:05}" for number in range(1, len(streams) + 1)]
    numbers = [stream.table.number for stream in streams]
    assert numbers == sorted(numbers, key=lambda number: -sizes[number])


def test_a_table_below_the_smallest_size_is_left_to_pg_dump() -> None:
    assert divided(16 * MIB - 1) == []
    assert [stream.whole for stream in divided(16 * MIB)] == [True]


def test_segments_are_about_as_big_as_asked_for() -> None:
    streams = divided(1024 * MIB)
    assert [stream.start * BLOCK // MIB for stream in streams] == [0, 256, 512, 768]


def test_the_biggest_table_there_can_be_is_cut_into_pieces_that_a_store_can_list() -> None:
    assert len(divided(2**32 * BLOCK)) == 1000


def test_what_is_not_a_plain_permanent_table_with_columns_is_left_to_pg_dump() -> None:
    tables = [table(1, kind="p"), table(2, permanent=False), table(3, columns=()), table(4)]
    streams = divide(tables, {2: 2**30, 3: 2**30, 4: 2**25}, BLOCK, PLAIN)
    assert [stream.table.number for stream in streams] == [4]


def test_a_whole_table_is_copied_as_a_table_and_a_part_by_its_blocks() -> None:
    odd = Table(1, 'a"b', "c d", "r", True, ("x", "Y z"))
    assert copy_out(Stream("p", odd)) == 'COPY "a""b"."c d" ("x", "Y z") TO STDOUT'
    select = 'COPY (SELECT "x", "Y z" FROM ONLY "a""b"."c d" WHERE'
    assert copy_out(Stream("p", odd, 0, 7)) == f"{select} ctid >= '(0,0)' AND ctid < '(7,0)') TO STDOUT"
    assert copy_out(Stream("p", odd, 7)) == f"{select} ctid >= '(7,0)') TO STDOUT"
    assert copy_in(Stream("p", odd, 7)) == 'COPY "a""b"."c d" ("x", "Y z") FROM STDIN'
