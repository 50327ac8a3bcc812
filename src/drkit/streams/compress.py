"""zstd in frames that stand alone, so that both directions use every core and no frame can be a bomb.

Each frame is preceded by a skippable frame that holds its length, as pzstd writes them; `zstd -d` reads it all.
"""

import os
import struct
import sys
from collections.abc import Iterator

from drkit.errors import IntegrityError
from drkit.ports import Chunks
from drkit.streams.ahead import map_ahead
from drkit.streams.blocks import Cursor, blocks

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FRAME_BYTES = 1 << 20  # larger ones cost more in fresh memory than they save
LARGEST_FRAME = 16 << 20
WORKERS = min(4, os.cpu_count() or 1)
_PREFIX = struct.Struct("<III")
_MAGIC, _LENGTH = 0x184D2A50, 4


def compress(chunks: Chunks, level: int, workers: int = WORKERS) -> Chunks:
    def frame(block: bytes) -> bytes:
        compressor = zstd.ZstdCompressor(
            options={zstd.CompressionParameter.compression_level: level, zstd.CompressionParameter.checksum_flag: 1}
        )
        body = compressor.compress(block, mode=zstd.ZstdCompressor.FLUSH_FRAME)
        return _PREFIX.pack(_MAGIC, _LENGTH, len(body)) + body

    empty = True
    for done in map_ahead(frame, blocks(chunks, FRAME_BYTES), workers):
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
