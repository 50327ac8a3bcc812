"""Git LFS: files that a repository only points to. Which of its objects are such pointers, and whether what they
point to lies here. It is in no bundle.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from drkit.engines.git.program import Git
from drkit.errors import CaptureError
from drkit.ports import Chunks

_SMALLEST, _LARGEST = 100, 1024
_POINTER = re.compile(rb"version https?://[^\n]*git-lfs[^\n]*/spec/v1\n(?:[^\n]+\n)*?oid sha256:([0-9a-f]{64})\n")
_SIZE = re.compile(rb"^size ([0-9]{1,18})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pointers:
    """How many files of how many bytes, and how many of them do not lie in the repository's own folder either."""

    files: int = 0
    bytes: int = 0
    elsewhere: int = 0


def find_pointers(git: Git, listing: IO[bytes], kept: Path) -> Pointers:
    """Among objects that are listed by name. `kept` is where the repository keeps what they point to."""
    files: dict[bytes, int] = {}
    with tempfile.TemporaryFile() as small:
        check = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
        for line in _lines(git.read("cat-file", check, "--buffer", given=listing, failure=_unreadable)):
            oid, kind, size = line.split(b" ")
            if kind == b"blob" and _SMALLEST <= int(size) <= _LARGEST:
                small.write(oid + b"\n")
        small.seek(0)
        for body in _bodies(git.read("cat-file", "--batch", "--buffer", given=small, failure=_unreadable)):
            if match := _POINTER.match(body):
                size_line = _SIZE.search(body)
                files[match[1]] = int(size_line[1]) if size_line else 0
    elsewhere = sum(not _place(kept, oid.decode()).is_file() for oid in files)
    return Pointers(len(files), sum(files.values()), elsewhere)


def _place(kept: Path, oid: str) -> Path:
    return kept / oid[:2] / oid[2:4] / oid


def _lines(chunks: Chunks) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


def _bodies(chunks: Chunks) -> Iterator[bytes]:
    """Each object is a line that ends with its size, its bytes, and a line's end."""
    held = b""
    for chunk in chunks:
        held += chunk
        while (end := held.find(b"\n")) >= 0:
            size = int(held[:end].rsplit(b" ", 1)[1])
            if len(held) < end + size + 2:
                break
            yield held[end + 1 : end + 1 + size]
            held = held[end + size + 2 :]


def _unreadable(_: int, words: str) -> CaptureError:
    return CaptureError(f"git cannot read an object of the repository: {words}", "`git fsck --full` in it tells more")
