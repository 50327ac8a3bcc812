"""Has people told when what is wrong has changed: `drkit notify` knows whom, and what they were told before.

It must not know how anybody is told.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from drkit.bulletin import Bulletin
from drkit.daemon.child import Answer
from drkit.daemon.troubles import CONFIGURATION, DAEMON
from drkit.ports import Clock
from drkit.troubles import Trouble
from drkit.when import format_moment

Notify = Callable[[str], Awaitable[Answer]]
AGAIN = timedelta(minutes=1)

_ALL = (CONFIGURATION, DAEMON)
_Wrong = frozenset[tuple[str, str]]
_Spelled = dict[str, Any]


class Telling:
    def __init__(self, notify: Notify, clock: Clock) -> None:
        self._notify, self._clock = notify, clock
        self._told: tuple[_Wrong, _Wrong] | None = None
        self._unkept: dict[tuple[str, str], str] = {}
        self._again_at = clock()
        self._task: asyncio.Task[None] | None = None

    def tick(self, bulletin: Bulletin, own: Mapping[str, tuple[Trouble, ...]]) -> None:
        if self._task and not self._task.done():
            return
        now = self._clock()
        wrong = (_seen(bulletin), frozenset((subject, each.kind) for subject in own for each in own[subject]))
        if wrong != self._told and not now < self._again_at <= now + AGAIN:
            self._task = asyncio.create_task(self._tell(wrong, spell(own, bulletin)))

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self, wrong: tuple[_Wrong, _Wrong], own: list[_Spelled]) -> None:
        """What no store could remember, this remembers: when it is gone, that is told too."""
        names = {(each["subject"], each["kind"]) for each in own}
        gone = [_spell_gone(*name, since) for name, since in self._unkept.items() if name not in names]
        answer = await self._notify(json.dumps([*own, *gone]))
        if answer.exit_code == 0:
            self._told = wrong
            told = find_unkept(answer.document) & names
            now = format_moment(self._clock())
            self._unkept = {name: self._unkept.get(name, now) for name in told | (self._unkept.keys() & names)}
        else:
            self._again_at = self._clock() + AGAIN


def spell(own: Mapping[str, tuple[Trouble, ...]], bulletin: Bulletin) -> list[_Spelled]:
    """What concerns all is told to each system."""
    systems = sorted({each.system for each in bulletin.systems} | {each.system for each in bulletin.sources})
    return [
        {
            "system": system,
            "subject": system if subject in _ALL else subject,
            "kind": each.kind,
            "what": each.what,
            "since": format_moment(each.since) if each.since else None,
            "next_step": each.next_step,
        }
        for subject, troubles in own.items()
        for system in (systems if subject in _ALL else [subject.partition("/")[0]])
        for each in troubles
    ]


def find_unkept(document: Any) -> set[tuple[str, str]]:
    """What was told, as `drkit notify` says, and is not remembered in any store."""
    notices = document["notices"] if document else []
    unkept = [each for each in notices if not each["remembered"] and any(sent["told"] for sent in each["sent"])]
    return {(new["subject"], new["kind"]) for each in unkept for new in each["new"]}


def _spell_gone(subject: str, kind: str, since: str) -> _Spelled:
    system = subject.partition("/")[0]
    words = {"system": system, "subject": subject, "kind": kind, "what": "", "since": since, "next_step": ""}
    return {**words, "over": True}


def _seen(bulletin: Bulletin) -> _Wrong:
    of_sources = {(each.source, wrong.kind) for each in bulletin.sources for wrong in (*each.troubles, *each.warnings)}
    of_systems = {(each.system, wrong.kind) for each in bulletin.systems for wrong in each.troubles}
    reports = {(each.system, f"report {each.report}") for each in bulletin.systems if each.report}
    return frozenset(of_sources | of_systems | reports)
