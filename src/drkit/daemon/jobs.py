"""Which jobs a configuration asks for, as far as the keys that are here allow them. Pure.

It must not know when any of them ran.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256

from drkit.chores import COMMANDS, plans_of
from drkit.config import System
from drkit.config.sources import AnySource
from drkit.daemon.model import Job
from drkit.timetable import Cron


def plan_jobs(systems: Iterable[System]) -> tuple[Job, ...]:
    return tuple(job for system in systems for job in (*_of_sources(system), *_of_system(system)))


def find_unplanned(systems: Iterable[System]) -> Iterator[str]:
    """What the schedules ask for and somebody else has to do, in words."""
    for system in systems:
        keys = system.table.encryption
        if keys.signing_key is None:
            yield f"{system.name}: backups and jobs are not run here, as there is no encryption.signing_key"
        elif not keys.identity and _asks_for_drills(system):
            yield f"{system.name}: restore tests are not run here, as there is no encryption.identity"


def _asks_for_drills(system: System) -> bool:
    return system.table.set.verify is not None or any(each.verify for each in system.table.sources.values())


def _of_sources(system: System) -> Iterator[Job]:
    keys = system.table.encryption
    if keys.signing_key is None:
        return
    for key, source in system.table.sources.items():
        name = f"{system.name}/{key}"
        yield _job(system, "backup", name, source.backup, ("backup", "now", name, "--json"))
        if (cron := _drills_here(system, source)) is not None:
            yield _job(system, "verify", name, cron, ("verify", "now", name, "--json"))


def _drills_here(system: System, source: AnySource) -> Cron | None:
    return source.verify if system.table.encryption.identity else None


def _of_system(system: System) -> Iterator[Job]:
    if system.table.encryption.signing_key is None:
        return
    for job, cron in plans_of(system).items():
        if job == "rehearsal" and not system.table.encryption.identity:
            continue
        yield _job(system, job, system.name, cron, (*COMMANDS[job], system.name, "--json"))


def _job(system: System, kind: str, subject: str, cron: Cron, command: tuple[str, ...]) -> Job:
    jobs = system.table.jobs
    delay = _spread(f"{kind} {subject}", jobs.jitter)
    return Job(kind, subject, cron, system.table.timezone, command, jobs.time_limit, delay)


def _spread(name: str, jitter: timedelta) -> timedelta:
    """The same delay for the same job, whoever computes it and however often it is restarted."""
    share = int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32
    return timedelta(seconds=round(jitter.total_seconds() * share, 3))
