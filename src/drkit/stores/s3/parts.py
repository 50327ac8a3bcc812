"""Cutting a stream into the parts that S3 takes. It must not know who sends them, or how."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from drkit.errors import StoreError
from drkit.ports import Chunks
from drkit.stores.disk import refused

MIB = 1 << 20
MOST_PARTS = 10_000
_SMALLEST = 6 * MIB
_GROWS_AFTER = 1000
_LARGEST_IN_MEMORY = 64 * MIB
_AT_ONCE = 4
_BYTES_AT_ONCE = _AT_ONCE * _SMALLEST


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    body: BinaryIO
    last: bool


def part_size(number: int) -> int:
    """6 MiB, doubled after every thousand parts: small objects need little memory, and 5.8 TiB fit into 10,000."""
    return _SMALLEST << ((number - 1) // _GROWS_AFTER)


def parts_at_once(number: int) -> int:
    """How many parts as big as this one may be held at once, the one that is being filled among them."""
    return max(2, min(_AT_ONCE, _BYTES_AT_ONCE // part_size(number)))


def cut(chunks: Chunks) -> Iterator[Part]:
    """Each part is filled before anybody sees it, so that no signature ages while the source stalls.
    Nothing at all is one empty part."""
    number, room, body = 1, part_size(1), _room(1)
    for chunk in chunks:
        rest = memoryview(chunk)
        while len(rest) > room:
            with refused("a part of the upload"):
                body.write(rest[:room])
            rest = rest[room:]
            yield Part(number, body, last=False)
            number += 1
            if number > MOST_PARTS:
                raise StoreError("The object is bigger than S3 takes.", hint="Split the source in two.")
            room, body = part_size(number), _room(number)
        with refused("a part of the upload"):
            body.write(rest)
        room -= len(rest)
    body.truncate()
    yield Part(number, body, last=True)


def _room(number: int) -> BinaryIO:
    size = part_size(number)
    if size > _LARGEST_IN_MEMORY:
        return tempfile.TemporaryFile()
    body = BytesIO()
    if number > 1:  # what grows step by step takes half as much again, and leaves holes
        body.seek(size - 1)
        body.write(b"\0")
        body.seek(0)
    return body
