"""Which rows of a table differ, told from its COPY text in the backup and in the restored database.

Each side is read twice, in any order of rows, and memory stays bounded: the first reading finds out which of 65,536
buckets differ, the second holds only what is in those. It must not know where the texts come from.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

from drkit.ports import Chunks

Rows = Callable[[], Chunks]  # COPY text, from its beginning at each call
Key = Sequence[tuple[str, int]]  # columns, and at which place of a row each stands, from 0

_BUCKETS = 1 << 16
_HELD = 100_000  # rows of the second reading; some 40 MB
_PART = 1 << 20
_LONGEST = 4 << 20  # a longer row is known by its beginning and its hash
_BEGINNING = 1 << 16
_WIDEST = 40  # of a value in an example
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_CONTROLS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True, slots=True)
class RowDifference:
    """`missing` are in the backup only, `extra` in the restored table only; a changed row is one of each.

    The counts are lower bounds where `exact` is false. None of both means that only the order of the rows differs.
    """

    missing: int
    extra: int
    examples: tuple[str, ...]
    exact: bool


def find_difference(
    backup: Rows, restored: Rows, key: Key, encoding: str = "utf-8", held: int = _HELD, shown: int = 5
) -> RowDifference:
    """Examples name rows by the columns of `key`. Without a key there are none: a row may hold what nobody may see."""
    expected, found = _Buckets(backup()), _Buckets(restored())
    differing = [number for number in range(_BUCKETS) if expected.at(number) != found.at(number)]
    chosen = _choose({number: expected.counts[number] + found.counts[number] for number in differing}, held)
    rows = _Differing(chosen, lambda row: name_row(row, key, encoding))
    rows.add(backup(), 1)
    rows.add(restored(), -1)
    missing, extra = rows.counts()
    for number in differing:
        if number not in chosen:
            surplus = expected.counts[number] - found.counts[number]
            missing += 1 if surplus == 0 else max(surplus, 0)
            extra += 1 if surplus == 0 else max(-surplus, 0)
    examples = tuple(islice(rows.names(), shown)) if key else ()
    return RowDifference(missing, extra, examples, len(chosen) == len(differing))


def name_row(row: bytes, key: Key, encoding: str = "utf-8") -> str:
    """`id=42, place=Delft`, fit for a line of a report: values are cut, and control characters are spelled out."""
    values = row.split(b"\t")
    return ", ".join(f"{column}={_shown(values[at], encoding)}" for column, at in key if at < len(values))


class _Buckets:
    """What all rows that fall into one bucket add up to."""

    def __init__(self, chunks: Chunks) -> None:
        self._sums, self.counts = [0] * _BUCKETS, [0] * _BUCKETS
        sums, counts = self._sums, self.counts
        for rows in _split(chunks):
            for row in rows:
                value = hash(row)
                number = value % _BUCKETS
                sums[number] += value
                counts[number] += 1

    def at(self, number: int) -> tuple[int, int]:
        return self._sums[number], self.counts[number]


def _choose(sizes: dict[int, int], held: int) -> frozenset[int]:
    """The smallest buckets, as many as can be held, and one in any case."""
    chosen: set[int] = set()
    for number in sorted(sizes, key=lambda number: sizes[number]):
        held -= sizes[number]
        if held < 0 and chosen:
            break
        chosen.add(number)
    return frozenset(chosen)


class _Differing:
    """The rows of some buckets, and how much more often each is on the one side than on the other."""

    def __init__(self, buckets: Container[int], name: Callable[[bytes], str]) -> None:
        self._buckets, self._name = buckets, name
        self._rows: dict[bytes, tuple[int, str]] = {}

    def add(self, chunks: Chunks, weight: int) -> None:
        buckets, held = self._buckets, self._rows
        for rows in _split(chunks):
            for row in rows:
                if hash(row) % _BUCKETS in buckets:
                    digest = blake2b(row, digest_size=16).digest()
                    surplus, name = held.get(digest) or (0, self._name(row))
                    held[digest] = (surplus + weight, name)

    def counts(self) -> tuple[int, int]:
        surpluses = [surplus for surplus, _ in self._rows.values()]
        return sum(each for each in surpluses if each > 0), -sum(each for each in surpluses if each < 0)

    def names(self) -> Iterator[str]:
        """Those that are missing come first; nothing is named twice."""
        return iter(dict.fromkeys(name for surplus, name in self._rows.values() if surplus))


def _split(chunks: Chunks) -> Iterator[list[bytes]]:
    begun = _Begun()
    for chunk in chunks:
        for start in range(0, len(chunk), _PART):
            rows = chunk[start : start + _PART].split(b"\n")
            begun.add(rows[0])
            if len(rows) > 1:
                rows[0] = begun.end()
                begun = _Begun()
                begun.add(rows.pop())
                yield rows


class _Begun:
    """A row whose end has not come yet. However long it gets, not much of it is held."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._beginning = b""
        self._hash = blake2b()

    def add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > _LONGEST:
            self._fold()

    def end(self) -> bytes:
        if self._size <= _LONGEST:
            return b"".join(self._parts)
        return self._beginning + b"\0" + self._hash.digest()

    def _fold(self) -> None:
        text = b"".join(self._parts)
        self._beginning = self._beginning or text[:_BEGINNING]
        self._hash.update(text)
        self._parts.clear()


def _shown(value: bytes, encoding: str) -> str:
    if value == rb"\N":
        return "NULL"
    plain = _ESCAPE.sub(lambda match: _CONTROLS.get(match[1], match[1]), value[: 8 * _WIDEST])
    text = plain.decode(encoding, "replace")
    cut = text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)
