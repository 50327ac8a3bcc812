"""What jobs leave in the store about themselves: who has claimed a slot, and how runs ended.

Nothing rests on these records but who is told what, and that two daemons do not do the same work: they are not signed.
It must not know what a job does, or when it is due.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drkit.catalog.document import read_note
from drkit.catalog.keys import FORMAT, make_id
from drkit.catalog.runs import OUTCOMES, Outcome, RunKey, parse_run_key, runs_of
from drkit.errors import AlreadyExists, DrkitError, StoreError
from drkit.model import Entry
from drkit.ports import Store
from drkit.when import format_moment

KEPT = timedelta(days=35)
_A_DAY = timedelta(days=1)
_LONGEST = 2000  # of an error


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody began a planned run. `at` is when the store saw it, `by` the process that did, if that was read."""

    slot: datetime
    attempt: int
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What the listing tells of one job of one subject. `failures` were counted from the first run on."""

    done_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    claims: tuple[Claim, ...] = ()
    last_failure: str = ""

    @property
    def failing(self) -> bool:
        return self.failed_at is not None and (self.done_at is None or self.done_at < self.failed_at)


@dataclass(frozen=True, slots=True)
class Failure:
    """The words of the newest failure."""

    error: str
    hint: str
    exit_code: int
    correlation_id: str


Subject = tuple[str, str]  # the job and its subject


def read_records(entries: Iterable[Entry]) -> dict[Subject, Record]:
    """Of one system's listing."""
    found: dict[Subject, dict[str, Any]] = {}
    for entry in entries:
        key = parse_run_key(entry.key)
        if key is None:
            continue
        known = found.setdefault((key.job, key.subject), {"claims": []})
        if key.outcome == "begun":
            known["claims"].append(Claim(key.moment, key.number, entry.modified_at))
        elif key.outcome == "done":
            known["done_at"] = max(key.moment, known.get("done_at", key.moment))
        elif key.number > known.get("failures", 0):
            known |= {"failures": key.number, "failed_at": key.moment, "last_failure": entry.key}
    return {
        subject: Record(
            **known | {"claims": tuple(sorted(known["claims"], key=lambda each: (each.slot, each.attempt)))}
        )
        for subject, known in found.items()
    }


def read_failure(store: Store, key: str) -> Failure:
    """As much as can be read: it is there for people's eyes."""
    try:
        told = read_note(store, key)
        return Failure(str(told["error"]), str(told["hint"]), int(told["exit_code"]), str(told["correlation_id"]))
    except (ValueError, KeyError, TypeError, StoreError):
        return Failure("nobody knows why: its record cannot be read", "look into its log", 70, "")


def read_claimer(store: Store, key: RunKey) -> str:
    """Who says of himself that he claimed it."""
    try:
        return str(read_note(store, str(key))["by"])
    except (ValueError, KeyError, TypeError, StoreError):
        return ""


def claim(store: Store, key: RunKey, by: str, now: datetime) -> bool:
    """Whether it is ours. Where a store has no conditional put, two may both be told so."""
    document = {"drkit": FORMAT, "by": by, "claimed_at": format_moment(now)}
    try:
        store.put(str(key), iter([_spell(document)]))
    except AlreadyExists:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Journal:
    """Where one job of one subject writes down how its runs ended. Its store is opened when something is written."""

    open: Callable[[], Store] = field(repr=False)
    system: str
    job: str
    subject: str
    token: str
    correlation_id: str

    @property
    def failing(self) -> bool:
        listed = self.open().list(runs_of(self.system, self.job, self.subject))
        return read_records(listed).get((self.job, self.subject), Record()).failing

    def done(self, began: datetime) -> None:
        self._write("done", began, {})

    def failed(self, began: datetime, ended: datetime, error: DrkitError, redacted: str) -> None:
        words = {
            "error": redacted[:_LONGEST],
            "hint": error.hint[:_LONGEST],
            "exit_code": error.exit_code,
            "ended_at": format_moment(ended),
        }
        self._write("failed", began, words)

    def tidy(self, began: datetime) -> None:
        """After a good end."""
        self.open().delete(map(str, outdated(self._keys(), began)))

    def _write(self, outcome: Outcome, began: datetime, words: Mapping[str, object]) -> None:
        number = 1 + max((key.number for key in self._keys() if key.outcome == outcome), default=0)
        key = RunKey(self.system, self.job, self.subject, make_id(began, self.token), outcome, number)
        head = {"drkit": FORMAT, "began_at": format_moment(began), "correlation_id": self.correlation_id}
        document: dict[str, object] = {**head, **words}
        self.open().put(str(key), iter([_spell(document)]))

    def _keys(self) -> list[RunKey]:
        listed = self.open().list(runs_of(self.system, self.job, self.subject))
        return [key for key in (parse_run_key(entry.key) for entry in listed) if key]


def outdated(keys: Collection[RunKey], began: datetime) -> list[RunKey]:
    """What a run that began then and ended well makes needless: what is a day older, and failures that are `KEPT`
    older. The newest of a kind stays, as it carries the count of all."""
    newest = {outcome: max((key.number for key in keys if key.outcome == outcome), default=0) for outcome in OUTCOMES}

    def needless(key: RunKey) -> bool:
        age = began - key.moment
        if key.outcome == "begun":
            return age > _A_DAY
        return age > (KEPT if key.outcome == "failed" else _A_DAY) and key.number < newest[key.outcome]

    return [key for key in keys if needless(key)]


def _spell(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()
