"""The daemon as a whole: one event loop that looks, plans, starts and tells, until it is stopped.

Whatever touches a store, a source or somebody else's network is a child process of the same command line.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drkit.daemon.child import Answer, Hear, Line, run_child
from drkit.daemon.following import Following, plan_followers
from drkit.daemon.jobs import find_unplanned, plan_jobs
from drkit.daemon.looking import Looking
from drkit.daemon.model import Ended, Job, Running, State
from drkit.daemon.schedules import Schedules, open_schedules
from drkit.daemon.supervisor import Supervisor
from drkit.daemon.telling import Telling
from drkit.daemon.troubles import complete
from drkit.ports import Clock
from drkit.when import format_moment

Log = Callable[[str, str, Mapping[str, Any]], None]  # level, message, fields

_A_LOOK = timedelta(minutes=10)
_A_NOTICE = timedelta(minutes=10)  # a store that cannot be reached takes two of them to say so
_NO_LIMIT = timedelta(days=10_000)
_TICK = 0.25
_RELOAD = timedelta(seconds=2)
_JUMP = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Options:
    folder: Path
    workers: int
    look_every: timedelta


class Daemon:
    def __init__(self, options: Options, schedules: Schedules, clock: Clock, log: Log) -> None:
        self._options, self._schedules, self._clock, self._log = options, schedules, clock, log
        self._started_at = clock()
        self._config_since: datetime | None = None
        self._look_at_schedules_at = clock()
        self._supervisor = Supervisor(self._launch, options.workers, clock, self._ended)
        self._following = Following(self._launch_follower, clock, self._follower_ended)
        self._looking = Looking(self._look, options.look_every, clock, self._supervisor.reconsider)
        self._telling = Telling(self._notify, clock)
        self._wake = asyncio.Event()
        self._drift = _drift(clock())

    def state(self) -> State:
        looking, supervisor = self._looking, self._supervisor
        return complete(
            State(
                started_at=self._started_at,
                look_every=self._options.look_every,
                config_error=self._schedules.error,
                config_since=self._config_since,
                looked_at=looking.looked_at,
                look_error=looking.error,
                bulletin=self._following.complete(looking.bulletin),
                running=(*supervisor.running.values(), *self._following.running.values()),
                planned=supervisor.planned(),
                last=dict(supervisor.last),
                not_followed=self._following.failing(self._clock()),
            )
        )

    async def run(self, stop: asyncio.Event, reload: asyncio.Event) -> None:
        self._plan()
        try:
            while not stop.is_set():
                now = self._clock()
                self._watch_clock(now)
                self._watch_schedules(reload, now)
                self._looking.tick(now)
                if not self._looking.doubted:
                    self._supervisor.tick(self._looking.bulletin, now)
                if self._looking.looked_at or self._looking.error:
                    self._telling.tick(self._looking.bulletin, self.state().troubles)
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _TICK)
        finally:
            await asyncio.gather(
                self._supervisor.stop(), self._following.stop(), self._looking.stop(), self._telling.stop()
            )

    def _plan(self) -> None:
        systems = self._schedules.systems
        jobs = plan_jobs(systems)
        self._supervisor.plan(jobs)
        followers = plan_followers(systems)
        self._following.plan(followers)
        self._looking.forget()
        self._log("info", f"{len(jobs)} jobs of {len(systems)} systems are planned", {})
        if followers:
            self._log("info", f"the log of {', '.join(followers)} is followed", {})
        for words in find_unplanned(systems):
            self._log("info", words, {})

    def _watch_clock(self, now: datetime) -> None:
        """A clock that was set makes plans void."""
        drift = _drift(now)
        if abs(drift - self._drift) > _JUMP:
            by = (drift - self._drift).total_seconds()
            self._log("warning", f"the clock was set, or the machine slept: {by:+.0f} s; all is planned anew", {})
            self._supervisor.reconsider()
            self._looking.doubt()
        self._drift = drift

    def _watch_schedules(self, reload: asyncio.Event, now: datetime) -> None:
        if not reload.is_set() and self._look_at_schedules_at - _RELOAD <= now < self._look_at_schedules_at:
            return
        self._look_at_schedules_at = now + _RELOAD
        if not reload.is_set() and not self._schedules.changed():
            return
        reload.clear()
        if self._schedules.load():
            self._config_since = None
            self._log("info", "the schedules were loaded anew", {})
            self._plan()
        else:
            self._config_since = self._config_since or now
            kept = "the schedules cannot be loaded, and the ones before stay in force"
            self._log("error", f"{kept}: {self._schedules.error}", {"hint": "mend the file"})

    async def _launch(self, job: Job, run: Running, hear: Hear) -> Answer:
        def listen(line: Line) -> None:
            hear(line)
            if "done_bytes" not in line:  # the page shows progress; a log need not
                self._pass_on(line)

        facts = {"job": job.kind, "subject": job.subject, "correlation_id": run.correlation_id}
        self._log(
            "info",
            f"{job.kind} of {job.subject} begins",
            facts | {"slot": format_moment(run.slot), "attempt": run.attempt},
        )
        arguments = (
            *job.command,
            "--slot",
            f"{format_moment(run.slot)}.{run.attempt}",
            "--correlation-id",
            run.correlation_id,
        )
        return await run_child((*arguments, *self._schedules.arguments), listen, job.time_limit)

    async def _launch_follower(self, run: Running, hear: Hear) -> Answer:
        def listen(line: Line) -> None:
            hear(line)
            self._pass_on(line)

        job, subject = run.name
        arguments = (job, subject, "--correlation-id", run.correlation_id, *self._schedules.arguments)
        return await run_child(arguments, listen, _NO_LIMIT)

    def _follower_ended(self, ended: Ended) -> None:
        _, subject = ended.name
        facts = {"exit_code": ended.exit_code, "correlation_id": ended.correlation_id, "hint": ended.hint}
        self._log("error", f"the follower of {subject} ended and is started again: {ended.error}", facts)
        self._wake.set()

    def _ended(self, ended: Ended) -> None:
        job, subject = ended.name
        seconds = round((ended.ended_at - ended.began_at).total_seconds(), 3)
        facts = {"job": job, "subject": subject, "exit_code": ended.exit_code, "seconds": seconds}
        facts |= {"correlation_id": ended.correlation_id}
        if ended.taken:
            self._log("info", f"{job} of {subject} was somebody else's to do", facts)
        elif ended.failed:
            self._log("error", f"{job} of {subject} failed: {ended.error}", facts | {"hint": ended.hint})
        else:
            self._log("info", f"{job} of {subject} ended well", facts)
        self._looking.want(subject)
        self._wake.set()

    async def _look(self, names: Sequence[str]) -> Answer:
        arguments = ("status", "--json", "--moments", *names, *self._schedules.arguments)
        return await run_child(arguments, _ignore, _A_LOOK)

    async def _notify(self, own: str) -> Answer:
        if not any(system.table.notify.urls for system in self._schedules.systems):
            return Answer(0)
        arguments = ("notify", "--troubles", "-", "--json", *self._schedules.arguments)
        return await run_child(arguments, self._pass_on, _A_NOTICE, said=own)

    def _pass_on(self, line: Line) -> None:
        told = {key: value for key, value in line.items() if key not in ("timestamp", "level", "message")}
        self._log(str(line.get("level", "info")), str(line.get("message", "")), told)


async def run_daemon(
    options: Options,
    clock: Clock,
    log: Log,
    serve: Callable[[Callable[[], State]], Any],
) -> None:
    """Until SIGTERM or SIGINT. SIGHUP loads the schedules anew. `serve` shows the state meanwhile."""
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    with open_schedules(options.folder) as schedules:
        daemon = Daemon(options, schedules, clock, log)
        async with serve(daemon.state):
            await daemon.run(stop, reload)
    log("info", "stopped", {})


def _drift(now: datetime) -> timedelta:
    """How far the clock is from one that nobody sets."""
    return timedelta(seconds=now.timestamp() - time.monotonic())


def _ignore(_line: Line) -> None:
    """What a look has to say is in its document."""
