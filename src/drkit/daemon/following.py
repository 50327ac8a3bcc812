"""The followers of logs: one child for each physical source as long as the daemon runs, started again when it ends.

It must not know what a follower does, nor how it is run: `launch` does that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from drkit.bulletin import Bulletin, SourceBulletin
from drkit.config import System
from drkit.config.sources import PhysicalTable
from drkit.daemon.child import Answer, Hear, Line
from drkit.daemon.model import Ended, Name, Running
from drkit.ports import Clock
from drkit.when import format_length

Launch = Callable[[Running, Hear], Awaitable[Answer]]

FOLLOW = "follow"
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)
_STEADY = timedelta(minutes=10)  # whoever ran for so long is started again at once
_ALARM = timedelta(minutes=5)
_SLOT = "slot_safe_bytes"
_SIGNS = {"system_identifier", "covered_until", "standby"}  # members of lines that tell of a follower at its work


def plan_followers(systems: Iterable[System]) -> tuple[str, ...]:
    """The sources whose log is followed here: what is stored is signed."""
    return tuple(
        f"{system.name}/{key}"
        for system in systems
        if system.table.encryption.signing_key is not None
        for key, source in system.table.sources.items()
        if isinstance(source, PhysicalTable)
    )


class Following:
    """`ended` is told of every follower that ended by itself. All of it lives in one event loop."""

    def __init__(self, launch: Launch, clock: Clock, ended: Callable[[Ended], None]) -> None:
        self._launch, self._clock, self._tell = launch, clock, ended
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._down: dict[Name, tuple[datetime, Ended]] = {}
        self._slots: dict[str, int | None] = {}
        self.running: dict[Name, Running] = {}

    def complete(self, bulletin: Bulletin) -> Bulletin:
        """With what followers alone know: how much more a server may write before its slot is lost."""
        return replace(bulletin, sources=tuple(map(self._complete, bulletin.sources)))

    def plan(self, sources: Collection[str]) -> None:
        """From now on these and no others, all of them anew: a follower reads its schedule when it begins."""
        before, self._tasks = self._tasks, {}
        for task in before.values():
            task.cancel()
        self._down = {name: down for name, down in self._down.items() if name[1] in sources}
        for source in sources:
            self._tasks[source] = asyncio.create_task(self._keep_on(source, before.get(source)))

    def failing(self, now: datetime) -> Mapping[Name, Ended]:
        """Those that have not run for a while, with how they ended last."""
        return {name: ended for name, (since, ended) in self._down.items() if now - since >= _ALARM}

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _keep_on(self, source: str, before: "asyncio.Task[None] | None") -> None:
        if before:
            await asyncio.gather(before, return_exceptions=True)
        wait, attempt = _FIRST_WAIT, 1
        while True:
            ended = await self._see_through((FOLLOW, source), attempt)
            if ended.ended_at - ended.began_at > _STEADY:
                wait, attempt = _FIRST_WAIT, 0
                continue
            await asyncio.sleep(wait.total_seconds())
            wait, attempt = min(2 * wait, _LONGEST_WAIT), attempt + 1

    async def _see_through(self, name: Name, attempt: int) -> Ended:
        began_at = self._clock()
        run = Running(name, began_at, attempt, began_at, uuid4().hex)
        self.running[name] = run

        def hear(line: Line) -> None:
            self.running[name] = replace(self.running[name], message=_say(line))
            if _SIGNS & line.keys():
                self._down.pop(name, None)
            if _SLOT in line:
                self._slots[name[1]] = line[_SLOT]

        try:
            answer = await self._launch(run, hear)
        except OSError as error:  # not even started: no memory, no processes left
            answer = Answer(70, errors=({"message": f"drkit could not be started: {error}"},))
        finally:
            self.running.pop(name, None)
            self._slots.pop(name[1], None)
        ended = _judge(run, answer, self._clock())
        since, _ = self._down.get(name, (ended.ended_at, ended))
        self._down[name] = since, ended
        self._tell(ended)
        return ended

    def _complete(self, source: SourceBulletin) -> SourceBulletin:
        if source.log is None or source.source not in self._slots:
            return source
        return replace(source, log=replace(source.log, slot_safe_bytes=self._slots[source.source]))


def _say(line: Line) -> str:
    lag = line.get("lag_seconds")
    if not isinstance(lag, int | float):
        return str(line.get("message", ""))
    return f"{format_length(timedelta(seconds=max(lag, 0)))} behind, stored up to {line.get('position', '?')}"


def _judge(run: Running, answer: Answer, now: datetime) -> Ended:
    first = answer.errors[0] if answer.errors else {}
    how = f"it was ended by signal {-answer.exit_code}" if answer.exit_code < 0 else f"it ended with {answer.exit_code}"
    return Ended(
        run.name,
        run.slot,
        run.attempt,
        run.began_at,
        now,
        answer.exit_code,
        error=str(first.get("message", how)),
        hint=str(first.get("hint", "")),
        correlation_id=run.correlation_id,
    )
