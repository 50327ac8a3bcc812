"""What is wrong as the daemon alone knows it: schedules, stores that cannot be seen, jobs of its own. Pure.

It must not know who is told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from drkit.bulletin import Job
from drkit.daemon.model import Ended, State
from drkit.troubles import Trouble

CONFIGURATION, DAEMON = "configuration", "daemon"  # who is meant where no system is
_TOLD_AS: Mapping[str, frozenset[str]] = {  # by what kinds of troubles a look tells that the last run failed
    "backup": frozenset({"backup failed"}),
    "verify": frozenset({"drill failed", "rto", "rpo", "damaged", "drill overdue"}),
}


def complete(state: State) -> State:
    """With all that the daemon knows to be wrong, by whom it is about."""
    found: dict[str, list[Trouble]] = {}
    for subject, trouble in _find(state):
        found.setdefault(subject, []).append(trouble)
    return replace(state, troubles={subject: tuple(troubles) for subject, troubles in found.items()})


def _find(state: State) -> Iterator[tuple[str, Trouble]]:
    if state.config_error:
        what = f"the schedules cannot be loaded, and what was loaded before stays in force: {state.config_error}"
        yield CONFIGURATION, Trouble("config", what, state.config_since, "`drkit check` says when it is right")
    if state.look_error:
        what = f"nothing can be looked at: {state.look_error}"
        yield DAEMON, Trouble("look", what, state.looked_at, "`drkit status` shows the same")
    for name, error in state.bulletin.failed.items():
        step = f"`drkit check {name}` tries its store"
        yield name, Trouble("store", f"it cannot be looked at: {error}", None, step)
    yield from _of_runs(state)
    for (_, subject), ended in state.not_followed.items():
        step = ended.hint or f"`drkit follow {subject}` says the same, and the daemon goes on trying"
        yield subject, Trouble("follow failed", f"nobody follows its log: {ended.error}", ended.ended_at, step)


def _of_runs(state: State) -> Iterator[tuple[str, Trouble]]:
    """Of jobs whose last run failed, unless a look that came after it tells of that, or knows better."""
    troubles: dict[str, tuple[Trouble, ...]] = {each.source: each.troubles for each in state.bulletin.sources}
    jobs: dict[str, tuple[Job, ...]] = {each.source: each.jobs for each in state.bulletin.sources}
    for system in state.bulletin.systems:
        troubles[system.system], jobs[system.system] = system.troubles, system.jobs
    for (job, subject), ended in state.last.items():
        if ended.failed and not _is_over(ended, jobs.get(subject, ())):
            told = _TOLD_AS.get(job, frozenset({f"{job} failed"}))
            if not any(each.kind in told for each in troubles.get(subject, ())):
                yield subject, _describe(ended)


def _is_over(ended: Ended, jobs: tuple[Job, ...]) -> bool:
    """Whether somebody else has done the same since."""
    return any(job.name == ended.name[0] and job.done_at and job.done_at > ended.ended_at for job in jobs)


def _describe(ended: Ended) -> Trouble:
    job, subject = ended.name
    how = "took longer than it may" if ended.timed_out else ended.error or f"it ended with {ended.exit_code}"
    step = ended.hint or f"the daemon's log tells more of {job} {subject}, and tries it again when it is due"
    return Trouble(f"{job} failed", f"the last {job} failed: {how}", ended.ended_at, step)
