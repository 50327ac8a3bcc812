"""Which points an audit reads today, if it reads only some each day. Pure: the day is an argument.

A point's turn comes from its own name, so that others may come and go meanwhile. Every point that lives for a whole
round is read in it.
"""

import re
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from math import ceil
from typing import Literal

from drkit.errors import UsageError
from drkit.model import Point

_SPELLED = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(%?)")


@dataclass(frozen=True, slots=True)
class Share:
    """`amount` points a day, or per cent of them."""

    amount: float
    unit: Literal["points", "percent"]

    def days(self, total: int) -> int:
        """How long a round takes. By number it is a power of two: when there are more points it doubles, and the turns
        of all stay what they were or move by just one round."""
        if self.unit == "percent":
            return ceil(100 / self.amount - 1e-9)
        return 1 << max(0, ceil(total / self.amount) - 1).bit_length()


EVERYTHING = Share(100, "percent")


def parse_share(text: str) -> Share:
    match = _SPELLED.fullmatch(text.strip())
    amount = float(match[1]) if match else 0.0
    if match is None or amount < 0.01 or (match[2] and amount > 100) or not (match[2] or float(amount).is_integer()):
        raise UsageError(
            f"--sample {text} is no part of the points", "write 10% for a tenth of them each day, or 5 for about five"
        )
    return Share(amount, "percent" if match[2] else "points")


def is_due(point: Point, days: int, today: date) -> bool:
    turn = int.from_bytes(sha256(f"{point.source}/{point.id}".encode()).digest()[:8])
    return turn % days == today.toordinal() % days
