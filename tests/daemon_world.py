"""A world with a clock of its own for the scheduler: sources, how long their backups take, what the store knows of
them, and any number of supervisors. Nothing in it waits for real time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.bulletin import Bulletin, SourceBulletin
from drkit.bulletin import Job as Seen
from drkit.daemon.child import Answer, Hear
from drkit.daemon.model import Job, Name, Running
from drkit.daemon.supervisor import Supervisor
from drkit.runs import Claim
from drkit.timetable import parse_cron
from drkit.verify.model import Target
from drkit.when import from_the_future

UNKNOWN = Target(None, None, None)
SECOND = timedelta(seconds=1)


def backup_job(source: str, cron: str = "0 * * * *", zone: str = "UTC", delay: timedelta = timedelta(0)) -> Job:
    command = ("backup", "now", source, "--json")
    return Job("backup", source, parse_cron(cron), ZoneInfo(zone), command, timedelta(hours=6), delay)


def source_bulletin(source: str, points: Iterable[datetime], claims: Iterable[Claim] = (), now: datetime | None = None):
    found = sorted(points)
    newest = found[-1] if found else None
    return SourceBulletin(
        source=source,
        kind="sqlite",
        captured_at=newest,
        made_at=newest,
        drilled_at=None,
        verified_at=None,
        rpo=UNKNOWN,
        rto=UNKNOWN,
        window=(found[0], found[-1]) if found else None,
        gaps=(),
        next_backup=now or datetime.now(UTC),
        next_verify=None,
        healthy=bool(found),
        red_at=None,
        takes=None,
        points=len(found),
        stored_bytes=0,
        troubles=(),
        warnings=(),
        notes=(),
        jobs=(Seen("backup", claims=tuple(each for each in claims if newest is None or each.slot > newest)),),
    )


@dataclass
class World:
    """`conditional` says whether the store lets one of two claim a slot. `fails` decides whether a run fails."""

    now: datetime
    jobs: Mapping[Name, Job]
    takes: Callable[[Name], timedelta] = lambda _: 20 * SECOND
    fails: Callable[[Name, datetime], bool] = lambda _name, _now: False
    conditional: bool = True
    points: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    claims: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    begun: list[tuple[datetime, Name, datetime, int]] = field(default_factory=list)
    most_at_once: int = 0
    _ends: list[tuple[datetime, int, asyncio.Future[None]]] = field(default_factory=list)
    _version: int = 0
    _changed: set[str] = field(default_factory=set)
    _told: tuple[int, Bulletin] = (-1, Bulletin())

    def clock(self) -> datetime:
        return self.now

    def supervisor(self, workers: int = 8) -> Supervisor:
        found = Supervisor(self.launch, workers, self.clock, lambda _: None)
        found.plan(list(self.jobs.values()))
        return found

    def bulletin(self) -> Bulletin:
        if self._told[0] != self._version:
            sources = {name[1] for name in self.jobs}
            told = [source_bulletin(each, self._seen(each), self.claims[each], self.now) for each in sorted(sources)]
            self._told = (self._version, Bulletin(tuple(told)))
        return self._told[1]

    def _seen(self, source: str) -> list[datetime]:
        return [point for point in self.points[source] if not from_the_future(point, self.now)]

    async def launch(self, job: Job, run: Running, _hear: Hear) -> Answer:
        mine = self.claims[job.subject]
        if self.conditional and any((each.slot, each.attempt) == (run.slot, run.attempt) for each in mine):
            return Answer(0, taken=True)
        mine.append(Claim(run.slot, run.attempt, self.now, "elsewhere/1/1"))
        self.begun.append((self.now, job.name, run.slot, run.attempt))
        began = self.now
        ended = asyncio.get_running_loop().create_future()
        self._ends.append((self.now + self.takes(job.name), len(self.begun), ended))
        self.most_at_once = max(self.most_at_once, len(self._ends))
        await ended
        if self.fails(job.name, began):
            return Answer(4, errors=({"message": "the source is gone"},))
        self.points[job.subject].append(began)
        self._version += 1
        self._changed.add(job.subject)
        return Answer(0)

    async def live(self, until: datetime, supervisors: Iterable[Supervisor]) -> None:
        """Time goes from one thing that happens to the next."""
        found = list(supervisors)
        while self.now < until:
            for _ in range(2):  # what was somebody else's is planned anew
                for each in found:
                    each.reconsider(self._changed)
                    each.tick(self.bulletin(), self.now)
                self._changed = set()
                for _ in range(3):
                    await asyncio.sleep(0)
            soonest = [each.planned()[0].at for each in found if each.planned()] + [each[0] for each in self._ends]
            self.now = max(self.now + SECOND / 4, min([*(at for at in soonest if at > self.now), until]))
            self._finish()
            for _ in range(3):
                await asyncio.sleep(0)

    def _finish(self) -> None:
        due = [each for each in self._ends if each[0] <= self.now]
        self._ends = [each for each in self._ends if each[0] > self.now]
        for _, _, ended in sorted(due, key=lambda each: each[:2]):
            if not ended.done():
                ended.set_result(None)
