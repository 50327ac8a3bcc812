"""What people were told of a system, in its store: whoever tells next, from wherever, tells what has changed since.

A notice is announced before it is sent, and written down after. So two who tell at once tell once, where the store has
conditional put, and what was cut off in between is told again: at least once, and never lost. Nothing else rests on
these records: they are not signed.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drkit.catalog.document import read_note
from drkit.catalog.keys import FORMAT
from drkit.catalog.notices import NoticeKey, Phase, notices_of, parse_notice_key
from drkit.errors import AlreadyExists, StoreError, UsageError
from drkit.notify.changes import Told, ToldTrouble
from drkit.ports import Store
from drkit.when import format_moment, parse_moment

PATIENCE = timedelta(minutes=2)  # with somebody who has announced a notice and is not heard of again
KEPT = 3


@dataclass(frozen=True, slots=True)
class State:
    """What was told, and the number of the next notice; `busy` if somebody is telling right now."""

    told: Told
    next_number: int
    busy: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    store: Store = field(repr=False)
    system: str
    by: str

    def read(self, now: datetime) -> State:
        found = self._keys()
        told = max((key.number for key in found if key.phase == "told"), default=0)
        sending = max((key for key in found if key.number > told), key=lambda key: key.number, default=None)
        # a clock that is wrong must not silence anybody, so what seems to be from the future is not waited for either
        busy = sending is not None and abs(now - found[sending]) <= PATIENCE
        return State(self._read(told) if told else Told(), max(told, sending.number if sending else 0) + 1, busy)

    def announce(self, number: int, now: datetime) -> bool:
        """Whether the notice is ours to send."""
        try:
            self._put(number, "sending", {"by": self.by, "began_at": format_moment(now)})
        except AlreadyExists:
            return False
        return True

    def withdraw(self, number: int) -> None:
        """Nobody was told. Where nothing can be deleted, others wait until it is stale."""
        self._delete([NoticeKey(self.system, number, "sending")])

    def write_down(self, number: int, told: Told, now: datetime) -> None:
        troubles = [
            {"subject": subject, "kind": kind, "since": format_moment(each.since), "own": each.own}
            for (subject, kind), each in sorted(told.troubles.items())
        ]
        document = {"by": self.by, "told_at": format_moment(now), "report": told.report, "troubles": troubles}
        self._put(number, "told", document)
        self._delete([key for key in self._keys() if key.number <= number - KEPT])

    def _read(self, number: int) -> Told:
        """What cannot be understood was not told: better twice than never."""
        try:
            return _parse(read_note(self.store, str(NoticeKey(self.system, number, "told"))))
        except (ValueError, KeyError, TypeError, AttributeError, UsageError):
            return Told()

    def _put(self, number: int, phase: Phase, words: Mapping[str, object]) -> None:
        document = json.dumps({"drkit": FORMAT, **words}, indent=2) + "\n"
        self.store.put(str(NoticeKey(self.system, number, phase)), iter([document.encode()]))

    def _delete(self, keys: Iterable[NoticeKey]) -> None:
        """If it can be: nobody may delete where objects are locked."""
        with suppress(StoreError):
            self.store.delete(map(str, keys))

    def _keys(self) -> dict[NoticeKey, datetime]:
        """And when the store had each."""
        listed = self.store.list(notices_of(self.system))
        return {key: entry.modified_at for entry in listed if (key := parse_notice_key(entry.key))}


def _parse(document: Mapping[str, Any]) -> Told:
    troubles = {
        (str(each["subject"]), str(each["kind"])): ToldTrouble(parse_moment(each["since"]), each["own"] is True)
        for each in document["troubles"]
    }
    report = document["report"]
    return Told(troubles, None if report is None else str(report))
