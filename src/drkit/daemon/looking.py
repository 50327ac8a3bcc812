"""Looks at the stores now and then, and at what has changed at once; keeps what was seen.

It must not know what is made of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from drkit.bulletin import Bulletin, read_bulletin
from drkit.daemon.child import Answer
from drkit.ports import Clock

Look = Callable[[Sequence[str]], Awaitable[Answer]]
AGAIN = timedelta(seconds=30)  # after a look that failed
_DOUBT = 60.0


class Looking:
    """One look at a time. `seen` is told of whom something new is known, None meaning all."""

    def __init__(
        self, look: Look, every: timedelta, clock: Clock, seen: Callable[[Collection[str] | None], None]
    ) -> None:
        self._look, self._every, self._clock, self._tell = look, every, clock, seen
        self._wanted: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._again_at: datetime | None = None
        self._whole_at: datetime | None = None
        self.bulletin = Bulletin()
        self.looked_at: datetime | None = None
        self.error = ""
        self._doubted_until = 0.0

    def want(self, subject: str) -> None:
        self._wanted.add(subject)

    def forget(self) -> None:
        """Other schedules are in force: all is looked at anew."""
        self._whole_at = None

    def doubt(self) -> None:
        """The clock was set: what was seen may be of a time that has not come yet."""
        self.forget()
        self._doubted_until = time.monotonic() + _DOUBT

    @property
    def doubted(self) -> bool:
        """Until the next look is over, or takes too long."""
        return time.monotonic() < self._doubted_until

    def tick(self, now: datetime) -> None:
        if self._task and not self._task.done():
            return
        names = self._due(now)
        if names is not None:
            self._task = asyncio.create_task(self._once(names))

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _due(self, now: datetime) -> list[str] | None:
        """Whom to look at: an empty list means all, None nobody."""
        if self._again_at and self._again_at - AGAIN <= now < self._again_at:
            return None
        if self._whole_at is None or not self._whole_at <= now < self._whole_at + self._every:
            return []
        turned = {each.source for each in self.bulletin.sources if each.healthy and not each.is_healthy(now)}
        return sorted(self._wanted | turned) or None

    async def _once(self, names: list[str]) -> None:
        began = self._clock()
        asked, self._wanted = self._wanted, set()
        answer = await self._look(names)
        if not names:
            self._doubted_until = 0.0
        if not isinstance(answer.document, dict) or "sources" not in answer.document:
            first = answer.errors[0] if answer.errors else {}
            self.error = str(first.get("message", f"status ended with {answer.exit_code}"))
            self._again_at, self._wanted = self._clock() + AGAIN, self._wanted | asked
            self._tell(None)
            return
        found = read_bulletin(answer.document)
        self.error = ""
        self._again_at = self._clock() + AGAIN if found.failed else None
        if found.failed:
            self._wanted |= set(found.failed) if names else set()
        if not names:
            self.looked_at = began
            self._whole_at = began if not found.failed else None
        self.bulletin = merge(self.bulletin, found, whole=not names)
        self._tell(None if not names else {*names, *(each.system for each in found.systems)})


def merge(old: Bulletin, new: Bulletin, whole: bool) -> Bulletin:
    """What was seen anew takes the place of what was known of the same. What could not be seen stays as it was last."""
    failed = dict(new.failed) if whole else {**_without(old.failed, new), **new.failed}
    sources = {each.source: each for each in old.sources if not whole or each.source in new.failed}
    sources |= {each.source: each for each in new.sources}
    systems = {each.system: each for each in old.systems if not whole or _any_failed(each.system, new)}
    systems |= {each.system: each for each in new.systems}
    return replace(new, sources=tuple(sources.values()), systems=tuple(systems.values()), failed=failed)


def _without(failed: Mapping[str, str], new: Bulletin) -> dict[str, str]:
    seen = {each.source for each in new.sources}
    return {subject: error for subject, error in failed.items() if subject not in seen}


def _any_failed(system: str, new: Bulletin) -> bool:
    return any(subject.partition("/")[0] == system for subject in new.failed)
