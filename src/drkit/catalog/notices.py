"""How records of notices are named: what somebody is about to tell of a system, and what was told.

It must not know what is told, or to whom.
"""

import re
from dataclasses import dataclass
from typing import Literal

Phase = Literal["sending", "told"]

_KEY = re.compile(r"([a-z0-9_-]+)/notices/(\d{8})\.(sending|told)\.json")
_PHASES: dict[str, Phase] = {"sending": "sending", "told": "told"}


@dataclass(frozen=True, slots=True)
class NoticeKey:
    """Notices of a system are numbered, so that of two who tell the same only one can take the number."""

    system: str
    number: int
    phase: Phase

    def __str__(self) -> str:
        return f"{notices_of(self.system)}{self.number:08}.{self.phase}.json"


def notices_of(system: str) -> str:
    return f"{system}/notices/"


def parse_notice_key(key: str) -> NoticeKey | None:
    match = _KEY.fullmatch(key)
    return NoticeKey(match[1], int(match[2]), _PHASES[match[3]]) if match else None
