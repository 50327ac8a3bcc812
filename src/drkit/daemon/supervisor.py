"""Starts jobs when they are due, at most so many at once, and remembers how each ended.

It must not know what a job does, nor how it is run: `launch` does that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from drkit.bulletin import Bulletin
from drkit.daemon.agenda import Start, plan_start
from drkit.daemon.child import Answer, Hear, Line
from drkit.daemon.knowledge import know
from drkit.daemon.model import Ended, Job, Name, Planned, Running
from drkit.disk.life import is_dead
from drkit.ports import Clock

Launch = Callable[[Job, Running, Hear], Awaitable[Answer]]
# Backups first: what they miss is lost, and what the others miss is only late.
_ORDER = ("backup", "replicate", "verify", "rehearsal", "prune", "report", "evidence", "audit")


class Supervisor:
    """`ended` is told of every run that has ended. All of it lives in one event loop."""

    def __init__(self, launch: Launch, workers: int, clock: Clock, ended: Callable[[Ended], None]) -> None:
        self._launch, self._workers, self._clock, self._tell = launch, workers, clock, ended
        self._jobs: dict[Name, Job] = {}
        self._starts: dict[Name, Start | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.running: dict[Name, Running] = {}
        self.last: dict[Name, Ended] = {}

    def plan(self, jobs: Collection[Job]) -> None:
        """From now on these and no others. What is running comes to its end."""
        self._jobs = {job.name: job for job in jobs}
        self._starts = {}
        self.last = {name: ended for name, ended in self.last.items() if name in self._jobs}

    def reconsider(self, subjects: Collection[str] | None = None) -> None:
        """More is known of them, or the clock was set; None means all."""
        if subjects is None:
            self._starts = {}
        else:
            self._starts = {name: start for name, start in self._starts.items() if name[1] not in subjects}

    def tick(self, bulletin: Bulletin, now: datetime) -> None:
        """Start what is due."""
        for name, job in self._jobs.items():
            if name not in self._starts:
                self._starts[name] = plan_start(job, know(job, bulletin, self.running, self.last, is_dead), now)
        due = [(start, name) for name, start in self._starts.items() if start and start.at <= now]
        for start, name in sorted(due, key=lambda each: (_ORDER.index(each[1][0]), each[0].at, each[1])):
            if len(self._tasks) >= self._workers or self._stopping:
                return
            self._begin(self._jobs[name], start, now)

    def planned(self) -> tuple[Planned, ...]:
        """Soonest first."""
        found = [Planned(name, start.at) for name, start in self._starts.items() if start]
        return tuple(sorted(found, key=lambda each: (each.at, each.name)))

    async def stop(self) -> None:
        """Nothing is started any more; what runs is ended."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, job: Job, start: Start, now: datetime) -> None:
        run = Running(job.name, start.slot, start.attempt, now, uuid4().hex)
        self.running[job.name] = run
        self._starts[job.name] = None
        task = asyncio.create_task(self._see_through(job, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(self, job: Job, run: Running) -> None:
        def hear(line: Line) -> None:
            self.running[job.name] = _progressed(self.running[job.name], line)

        try:
            answer = await self._launch(job, run, hear)
        except OSError as error:  # not even started: no memory, no processes left
            answer = Answer(70, errors=({"message": f"drkit could not be started: {error}"},))
        finally:
            self.running.pop(job.name, None)
            self._starts.pop(job.name, None)
        ended = _judge(run, answer, self._clock(), job)
        self.last[job.name] = ended
        self._tell(ended)


def _progressed(run: Running, line: Line) -> Running:
    if "done_bytes" in line:
        return replace(
            run,
            message=str(line.get("message", "")),
            done_bytes=line["done_bytes"],
            total_bytes=line.get("total_bytes"),
            bytes_per_second=line.get("bytes_per_second"),
        )
    return replace(run, message=str(line.get("message", "")))


def _judge(run: Running, answer: Answer, now: datetime, job: Job) -> Ended:
    first = answer.errors[0] if answer.errors else {}
    error, hint = str(first.get("message", "")), str(first.get("hint", ""))
    if answer.timed_out:
        error, hint = f"it was ended as it took longer than {job.time_limit}", "see what it waits for; jobs.time_limit"
    elif run.name[0] in ("verify", "rehearsal") and answer.exit_code == 8:
        error, hint = "the restore test failed, or missed a promise", f"`drkit status {run.name[1]}` says what is wrong"
    elif answer.exit_code < 0 and not error:
        error = f"it was ended by signal {-answer.exit_code}"
    return Ended(
        run.name,
        run.slot,
        run.attempt,
        run.began_at,
        now,
        answer.exit_code,
        answer.taken,
        answer.timed_out,
        error or (f"it ended with status {answer.exit_code}" if answer.exit_code and not answer.taken else ""),
        hint,
        run.correlation_id,
    )
