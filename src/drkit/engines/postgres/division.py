"""Which tables get streams of their own beside pg_dump, and where the really big ones are cut. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drkit.engines.postgres.tables import ORDINARY, Table

MIB = 1 << 20
SMALLEST = 16 * MIB  # a child and an object of its own cost more than they save below this
_MOST_SEGMENTS = 1000


@dataclass(frozen=True, slots=True)
class Sizes:
    """A table gets streams of its own from `smallest` on, and each has about `segment`."""

    smallest: int = SMALLEST
    segment: int = 256 * MIB


@dataclass(frozen=True, slots=True)
class Stream:
    """The rows of `table` in the blocks from `start` to `end` (half open; to the table's end if None)."""

    piece: str
    table: Table
    start: int = 0
    end: int | None = None

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None


def divide(tables: Iterable[Table], bytes_of: Mapping[int, int], block_size: int, sizes: Sizes) -> list[Stream]:
    """Biggest tables first, so that the last ones to end are short; the segments of a table one after the other.

    Tables that hold nothing permanent are left to pg_dump, which knows when they can be read at all."""
    big = [
        table
        for table in tables
        if table.kind == ORDINARY and table.permanent and table.columns and bytes_of[table.number] >= sizes.smallest
    ]
    big.sort(key=lambda table: -bytes_of[table.number])
    cuts = [(table, cut) for table in big for cut in _cuts(bytes_of[table.number], block_size, sizes.segment)]
    return [Stream(f"data-{number:05}", table, *cut) for number, (table, cut) in enumerate(cuts, 1)]


def _cuts(size: int, block_size: int, segment: int) -> list[tuple[int, int | None]]:
    """The last one is open: what the snapshot sees in it is there, however much has been added since."""
    count = min(max(1, round(size / segment)), _MOST_SEGMENTS)
    blocks = size // block_size
    edges = [blocks * number // count for number in range(count)]
    return list(zip(edges, [*edges[1:], None], strict=True))
