"""Positions in PostgreSQL's log as people and servers write them. It must not know what lies there."""

import re

from drkit.errors import UsageError

_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", re.ASCII)
LAST = (1 << 64) - 1


def parse_lsn(text: str) -> int:
    """`0/16B3748`, as a server spells it."""
    match = _LSN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a position in the log", "write it as PostgreSQL does: 0/16B3748")
    return int(match[1], 16) << 32 | int(match[2], 16)


def format_lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
