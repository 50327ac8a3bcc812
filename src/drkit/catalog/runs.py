"""How records of runs are named: what a job's claim, its good end and its failure look like in a listing.

It must not know what a job does, or when it is due.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drkit.catalog.keys import make_id, parse_id

Outcome = Literal["begun", "done", "failed"]
WHOLE_SYSTEM = "_"  # no source can be called that

_KEY = re.compile(
    r"([a-z0-9_-]+)/runs/([a-z]+)/([a-z0-9_-]+)/(\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8})\.(begun|done|failed)-(\d{1,9})\.json"
)
OUTCOMES: dict[str, Outcome] = {"begun": "begun", "done": "done", "failed": "failed"}
_TOKEN = "0" * 8  # the same for all who want to claim


@dataclass(frozen=True, slots=True)
class RunKey:
    """`number` counts the attempts at a slot when `begun`, and otherwise all that ended so: a listing that was thinned
    out still tells how many there were. `moment` is the slot of a claim, and when a run began that has ended."""

    system: str
    job: str
    subject: str
    id: str
    outcome: Outcome
    number: int

    def __str__(self) -> str:
        return f"{runs_of(self.system, self.job, self.subject)}{self.id}.{self.outcome}-{self.number}.json"

    @property
    def moment(self) -> datetime:
        moment = parse_id(self.id)
        if moment is None:
            raise AssertionError("the pattern has seen to it")
        return moment


def runs_of(system: str, job: str = "", subject: str = "") -> str:
    """All below it: of the system, of one of its jobs, or of one job's subject."""
    return "/".join([system, "runs", *filter(None, (job, subject)), ""])


def claim_key(system: str, job: str, subject: str, slot: datetime, attempt: int) -> RunKey:
    return RunKey(system, job, subject, make_id(slot, _TOKEN), "begun", attempt)


def parse_run_key(key: str) -> RunKey | None:
    match = _KEY.fullmatch(key)
    if not match or parse_id(match[4]) is None:
        return None
    return RunKey(match[1], match[2], match[3], match[4], OUTCOMES[match[5]], int(match[6]))
