"""The bytes of one file on their way into an archive and out of it again, holes included.

Must not know names, nor where the archive is.
"""

import errno
import os
from collections.abc import Iterator

from drkit.engines.files.header import sparse_map
from drkit.engines.files.member import Member

CHUNK = 1 << 20

_ZEROS = bytes(CHUNK)


def find_data(fd: int, status: os.stat_result) -> tuple[tuple[int, int], ...] | None:
    """Where a file that takes less room than its size has bytes: (offset, length). None for a file without holes."""
    if status.st_blocks * 512 >= status.st_size:
        return None
    runs: list[tuple[int, int]] = []
    at = 0
    while at < status.st_size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
            at = min(os.lseek(fd, start, os.SEEK_HOLE), status.st_size)
        except OSError as error:
            if error.errno != errno.ENXIO:  # which says that only a hole follows, or nothing since it was cut
                raise
            break
        if at > start:
            runs.append((start, at - start))
    os.lseek(fd, 0, os.SEEK_SET)
    return None if runs == [(0, status.st_size)] else tuple(runs)


def read_body(fd: int, member: Member) -> Iterator[bytes]:
    """Exactly as many bytes as the member's header promises: cut where the file grew, zeros where it shrank."""
    if member.data is None:
        yield from _read(fd, member.size)
        return
    yield sparse_map(member)
    for offset, length in member.data:
        os.lseek(fd, offset, os.SEEK_SET)
        yield from _read(fd, length)


def _read(fd: int, left: int) -> Iterator[bytes]:
    while left:
        chunk = os.read(fd, min(left, CHUNK)) or _ZEROS[:left]
        left -= len(chunk)
        yield chunk


def write_body(fd: int, member: Member, chunks: Iterator[memoryview]) -> None:
    """The way back: `chunks` are the bytes that follow the sparse map, if there is one."""
    if member.data is None:
        for chunk in chunks:
            _write(fd, chunk)
        return
    os.ftruncate(fd, member.size)
    runs = iter(member.data)
    room = 0
    for rest in chunks:
        while rest:
            if not room:
                offset, room = next(runs)
                os.lseek(fd, offset, os.SEEK_SET)
            now, rest = rest[:room], rest[room:]
            _write(fd, now)
            room -= len(now)


def _write(fd: int, left: memoryview) -> None:
    while left:
        left = left[os.write(fd, left) :]
