"""When a job is to be started next: from its cron line, what is known of its runs, and the time. Pure.

A run that was missed is caught up once, however many were missed. One that failed is tried again, ever more seldom,
until the next is due. It must not know who runs it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drkit.daemon.model import Job
from drkit.timetable import last_run, next_run
from drkit.when import from_the_future

RETRIES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))  # the last one from then on
TAKEOVER = timedelta(minutes=10)
_MOST_ATTEMPTS = 99


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at a slot. `at` is when it failed, or was claimed by somebody else; a claim is `abandoned` if who made it
    is known to be dead."""

    slot: datetime
    number: int
    at: datetime
    state: Literal["running", "failed", "claimed", "abandoned"]


@dataclass(frozen=True, slots=True)
class Known:
    """`since` is from when on runs count that left nothing: a schedule may be younger than its source. None of both
    means that nothing is known. `takes` is how long the job took last."""

    done_at: datetime | None = None
    since: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    takes: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Start:
    at: datetime
    slot: datetime
    attempt: int


def plan_start(job: Job, known: Known, now: datetime) -> Start | None:
    """None while it is running."""
    slot = last_run(job.cron, job.zone, now - job.delay)
    follows = next_run(job.cron, job.zone, max(slot, now - job.delay))
    later = Start(follows + job.delay, follows, 1)
    tries = sorted((each for each in known.attempts if each.slot == slot), key=lambda each: each.number)
    if any(each.state == "running" for each in known.attempts):
        return None
    if _is_done(known, slot, now):
        return later
    if not tries:
        return Start(slot + job.delay, slot, 1)
    last = tries[-1]
    if last.number >= _MOST_ATTEMPTS:
        return later
    return min(Start(_again(last, known.takes, now), slot, last.number + 1), later, key=lambda start: start.at)


def _is_done(known: Known, slot: datetime, now: datetime) -> bool:
    """What a clock that was wrong has dated later than now has not been done."""
    if known.done_at and not from_the_future(known.done_at, now):
        return known.done_at >= slot
    return known.since is None or known.since >= slot


def _again(last: Attempt, takes: timedelta, now: datetime) -> datetime:
    if last.state == "abandoned" or from_the_future(last.at, now):
        return now
    if last.state == "claimed":
        return last.at + max(TAKEOVER, 2 * takes)
    return last.at + RETRIES[min(last.number, len(RETRIES)) - 1]
