"""Has people told when what is wrong has changed: `drkit notify` knows whom, and what they were told before.

It must not know how anybody is told.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from drkit.bulletin import Bulletin
from drkit.daemon.child import Answer
from drkit.daemon.troubles import DAEMON
from drkit.ports import Clock
from drkit.troubles import Trouble
from drkit.when import format_moment

Notify = Callable[[str], Awaitable[Answer]]
AGAIN = timedelta(minutes=1)

_Wrong = frozenset[tuple[str, str]]


class Telling:
    def __init__(self, notify: Notify, clock: Clock) -> None:
        self._notify, self._clock = notify, clock
        self._told: tuple[_Wrong, _Wrong] | None = None
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

    async def _tell(self, wrong: tuple[_Wrong, _Wrong], own: str) -> None:
        answer = await self._notify(own)
        if answer.exit_code == 0:
            self._told = wrong
        else:
            self._again_at = self._clock() + AGAIN


def spell(own: Mapping[str, tuple[Trouble, ...]], bulletin: Bulletin) -> str:
    """What concerns all is told to each system."""
    systems = sorted({each.system for each in bulletin.systems} | {each.system for each in bulletin.sources})
    return json.dumps(
        [
            {
                "system": system,
                "subject": subject if subject != DAEMON else system,
                "kind": each.kind,
                "what": each.what,
                "since": format_moment(each.since) if each.since else None,
                "next_step": each.next_step,
            }
            for subject, troubles in own.items()
            for system in (systems if subject == DAEMON else [subject.partition("/")[0]])
            for each in troubles
        ]
    )


def _seen(bulletin: Bulletin) -> _Wrong:
    of_sources = {(each.source, wrong.kind) for each in bulletin.sources for wrong in (*each.troubles, *each.warnings)}
    of_systems = {(each.system, wrong.kind) for each in bulletin.systems for wrong in each.troubles}
    reports = {(each.system, f"report {each.report}") for each in bulletin.systems if each.report}
    return frozenset(of_sources | of_systems | reports)
