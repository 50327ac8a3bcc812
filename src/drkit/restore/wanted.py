"""What a restore is asked for: a moment, the latest there is, or a place in a log by what it is called.

It must not know whether the source has a log.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from drkit.errors import UsageError
from drkit.lsn import parse_lsn
from drkit.when import format_moment, parse_when

_MARK = re.compile(r"(lsn|name|xid):(.+)", re.DOTALL)
_LAST_XID = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Mark:
    """One of a position in the log, the name of a restore point, and the number of a transaction."""

    lsn: int | None = None
    name: str | None = None
    transaction: int | None = None
    text: str = ""

    def __str__(self) -> str:
        return self.text


Wanted = datetime | Mark | None


def parse_wanted(text: str, zone: ZoneInfo, now: datetime) -> Wanted:
    """`lsn:0/3000060`, `name:before-migration`, `xid:755`, or what `parse_when` reads; None is the latest."""
    match = _MARK.fullmatch(text.strip())
    if match is None:
        return parse_when(text, zone, now)
    kind, value = match.groups()
    if kind == "lsn":
        return Mark(lsn=parse_lsn(value), text=f"the position {value}")
    if kind == "name":
        return Mark(name=value, text=f"the restore point {value!r}")
    if not (value.isascii() and value.isdigit() and 3 <= int(value) <= _LAST_XID):
        raise UsageError(f"{value!r} is not the number of a transaction", "as pg_current_xact_id() gives it: xid:755")
    return Mark(transaction=int(value), text=f"the transaction {value}")


def spell(wanted: Wanted) -> str:
    if isinstance(wanted, datetime):
        return format_moment(wanted)
    return "the latest point" if wanted is None else str(wanted)
