"""A value as RESTORE takes it: its kind, what lies in the file for it, the format's version, and a checksum.

https://github.com/redis/redis/blob/unstable/src/cluster.c, createDumpPayload
"""

import struct
import sys
from array import array
from functools import cache

_JONES = 0x95AC9329AC4BC9B5  # CRC-64/REDIS, reflected
_FOOTER = 10


def make_payload(kind: int, value: bytes, version: int) -> bytes:
    body = bytes([kind]) + value + struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


def split_payload(payload: bytes) -> tuple[int, bytes, int]:
    """Kind, value, and the format's version."""
    (version,) = struct.unpack_from("<H", payload, len(payload) - _FOOTER)
    return payload[0], payload[1:-_FOOTER], version


def crc64(data: bytes) -> int:
    """Two bytes at a time, as each step of the loop costs more than what it does."""
    table, crc = _table(), 0
    words = array("H", data[: len(data) & ~1])
    if sys.byteorder == "big":
        words.byteswap()
    for word in words:
        crc = table[(crc ^ word) & 0xFFFF] ^ (crc >> 16)
    if len(data) & 1:
        crc = _step(_step_table()[(crc ^ data[-1]) & 0xFF], crc)
    return crc


def _step(found: int, crc: int) -> int:
    return found ^ (crc >> 8)


@cache
def _step_table() -> list[int]:
    made = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_JONES if crc & 1 else 0)
        made.append(crc)
    return made


@cache
def _table() -> list[int]:
    single = _step_table()
    return [_step(single[first & 0xFF], first) for low in range(65536) for first in (_step(single[low & 0xFF], low),)]
