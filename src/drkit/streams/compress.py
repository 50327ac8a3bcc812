"""zstd in frames that stand alone, so that both directions use every core and no frame can be a bomb.

Each frame is preceded by a skippable frame that holds its length, as pzstd writes them; `zstd -d` reads it all.
"""

import os
import struct
import sys
from collections.abc import Iterator

from drkit.errors import IntegrityError
from drkit.ports import Chunks, Effort
from drkit.streams.ahead import map_ahead
from drkit.streams.blocks import Cursor, blocks

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FRAME_BYTES = 1 << 20  # larger ones cost more in fresh memory than they save, but for heap pages
LARGEST_FRAME = 16 << 20
WORKERS = min(4, os.cpu_count() or 1)
_PREFIX = struct.Struct("<III")
_MAGIC, _LENGTH = 0x184D2A50, 4
_Parameter = zstd.CompressionParameter
_EVERY: dict[int, int] = {_Parameter.checksum_flag: 1}
# Pages repeat what stands in pages some way off, in runs of six bytes and more. Looked for like this, a tenth less is
# stored than at level 1, in the same time.
_PAGES: dict[int, int] = {
    _Parameter.compression_level: 1,
    _Parameter.strategy: zstd.Strategy.dfast,
    _Parameter.window_log: 22,
    _Parameter.hash_log: 16,
    _Parameter.chain_log: 15,
    _Parameter.min_match: 6,
}
_MANNERS = {
    Effort.TEXT: (FRAME_BYTES, _EVERY | {_Parameter.compression_level: 1}),
    Effort.ANYTHING: (FRAME_BYTES, _EVERY | {_Parameter.compression_level: 2}),
    Effort.PAGES: (4 * FRAME_BYTES, _EVERY | _PAGES),
}


def compress(chunks: Chunks, effort: Effort, workers: int = WORKERS) -> Chunks:
    size, options = _MANNERS[effort]

    def frame(block: bytes) -> bytes:
        compressor = zstd.ZstdCompressor(options=options)
        body = compressor.compress(block, mode=zstd.ZstdCompressor.FLUSH_FRAME)
        return _PREFIX.pack(_MAGIC, _LENGTH, len(body)) + body

    empty = True
    for done in map_ahead(frame, blocks(chunks, size), workers):
        empty = False
        yield done
    if empty:
        yield frame(b"")


def decompress(chunks: Chunks, workers: int = WORKERS) -> Chunks:
    return map_ahead(_plain, _frames(chunks), workers)


def _frames(chunks: Chunks) -> Iterator[bytes]:
    cursor = Cursor(chunks)
    while prefix := cursor.read(_PREFIX.size):
        if len(prefix) < _PREFIX.size:
            raise IntegrityError("the compressed stream ends inside a frame's prefix")
        magic, length, size = _PREFIX.unpack(prefix)
        if (magic, length) != (_MAGIC, _LENGTH) or size > LARGEST_FRAME:
            raise IntegrityError("the compressed stream is not made of frames that drkit writes")
        frame = cursor.read(size)
        if len(frame) < size:
            raise IntegrityError("the compressed stream ends inside a frame")
        yield frame


def _plain(frame: bytes) -> bytes:
    try:
        size = zstd.get_frame_info(frame).decompressed_size
        if size is None or size > LARGEST_FRAME:
            raise IntegrityError("a compressed frame claims a size that drkit never writes")
        reader = zstd.ZstdDecompressor()
        # one byte of room more than promised shows a frame that holds more than it says
        plain = reader.decompress(frame, max_length=size + 1)
    except zstd.ZstdError as error:
        raise IntegrityError(f"a compressed frame is damaged: {error}") from error
    if len(plain) != size or not reader.eof or reader.unused_data:
        raise IntegrityError("a compressed frame does not hold what it says")
    return plain
