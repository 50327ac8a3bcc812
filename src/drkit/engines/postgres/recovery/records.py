"""PostgreSQL's log as records: where each begins, and of those that end a transaction or name a restore point, when.

The form has been the same from version 14 to 18. Checksums are the server's to check, when it replays them.
It must not know where the bytes come from.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drkit.ports import Chunks
from drkit.streams.blocks import blocks

PAGE = 8192
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PAGE_HEADER = struct.Struct("<HHIQI")
_SHORT, _LONG = 24, 40
_CONTINUES, _IS_LONG = 0x1, 0x2
_RECORD = struct.Struct("<IIQBB")  # length, transaction, previous record, info, resource manager
_HEADER = 24
_ALIGNED = 8
_LONGEST = 1 << 30  # nothing that a server writes
_XLOG, _XACT = 0, 1
_OPERATION = 0x70
_ENDINGS = (0x00, 0x20, 0x30, 0x40)  # commit and abort, and those of prepared transactions
_RESTORE_POINT = 0x70
_MOMENT = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Ending:
    """A transaction ended, by commit or not, at `moment`. `start` and `end` are the record's positions."""

    start: int
    end: int
    transaction: int
    moment: datetime


@dataclass(frozen=True, slots=True)
class RestorePoint:
    start: int
    end: int
    name: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Other:
    start: int
    end: int


Record = Ending | RestorePoint | Other


def read_records(chunks: Chunks, position: int) -> Iterator[Record]:
    """Every whole record of the bytes that begin at `position`, which is the start of a page. A record whose beginning
    or end is not among them is passed over."""
    walk = _Walk()
    for page in blocks(chunks, PAGE):
        yield from walk.take(page, position)
        position += len(page)


class _Walk:
    """Page by page. `_pending` is a record that goes on in the next one."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._start = 0
        self._missing = 0

    def take(self, page: bytes, position: int) -> Iterator[Record]:
        if len(page) < _SHORT:
            return
        magic, info, _, address, remaining = _PAGE_HEADER.unpack_from(page)
        if not magic or address != position:  # after a switch to the next file the rest is zero
            self._missing = 0
            return
        at = _LONG if info & _IS_LONG else _SHORT
        if info & _CONTINUES:
            portion = page[at : at + remaining]
            if self._missing:
                self._pending += portion
                self._missing -= len(portion)
                if self._missing == 0:
                    yield _read(bytes(self._pending), self._start, position + at + len(portion))
            if remaining > len(page) - at:
                return
            at = _align(at + remaining)
        self._missing = 0  # what was not continued was never finished
        yield from self._records(page, at, position)

    def _records(self, page: bytes, at: int, position: int) -> Iterator[Record]:
        while at + 4 <= len(page):
            length = int.from_bytes(page[at : at + 4], "little")
            if not _HEADER <= length < _LONGEST:
                return
            if at + length > len(page):
                self._start, self._pending = position + at, bytearray(page[at:])
                self._missing = length - len(self._pending)
                return
            yield _read(page[at : at + length], position + at, position + at + length)
            at = _align(at + length)


def _read(record: bytes, start: int, end: int) -> Record:
    _, transaction, _, info, manager = _RECORD.unpack_from(record)
    operation = info & _OPERATION
    if manager == _XACT and operation in _ENDINGS:
        data = _main_data(record)
        return Ending(start, end, transaction, _moment(data)) if len(data) >= _MOMENT.size else Other(start, end)
    if manager == _XLOG and info & 0xF0 == _RESTORE_POINT:
        data = _main_data(record)
        name = data[_MOMENT.size :].split(b"\0", 1)[0].decode(errors="replace")
        return RestorePoint(start, end, name, _moment(data)) if len(data) >= _MOMENT.size else Other(start, end)
    return Other(start, end)


def _main_data(record: bytes) -> bytes:
    """Such records refer to no blocks: what may stand before their data is where the transaction belongs."""
    at = _HEADER
    while at < len(record):
        match record[at]:
            case 255:
                return record[at + 2 :]
            case 254:
                return record[at + 5 :]
            case 253:
                at += 3
            case 252:
                at += 5
            case _:
                return b""
    return b""


def _moment(data: bytes) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=_MOMENT.unpack_from(data)[0])
    except OverflowError:
        return _EPOCH


def _align(at: int) -> int:
    return -(-at // _ALIGNED) * _ALIGNED
