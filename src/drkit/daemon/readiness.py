"""What keeps the daemon from saying that all is well: the one decision behind /readyz and the status page. Pure.

It must not know how anything in a bulletin was judged, nor who is told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.bulletin import Job, SourceBulletin
from drkit.daemon.model import Ended, State
from drkit.troubles import Trouble
from drkit.when import format_length, format_moment

LATELY = timedelta(minutes=10)  # a daemon that has not looked for so long tells of a past
CONFIGURATION, DAEMON = "configuration", "daemon"
_TOLD_AS: Mapping[str, frozenset[str]] = {  # by what kinds of troubles a look tells that the last run failed
    "backup": frozenset({"backup failed"}),
    "verify": frozenset({"drill failed", "rto", "rpo", "damaged", "drill overdue"}),
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """`subject` is a source, a system, or what else the trouble is about."""

    subject: str
    trouble: Trouble

    def __str__(self) -> str:
        since = f", since {format_moment(self.trouble.since.replace(microsecond=0))}" if self.trouble.since else ""
        return f"{self.subject}: {self.trouble.kind}: {self.trouble.what}{since}; next: {self.trouble.next_step}"


def readiness(state: State, now: datetime) -> tuple[str, ...]:
    """Why not, a line each; none if all is well."""
    return tuple(" ".join(str(alarm).split()) for alarm in find_alarms(state, now))


def find_alarms(state: State, now: datetime) -> tuple[Alarm, ...]:
    """The same trouble of the same subject once, in the words of whoever knew it first: a look before the daemon."""
    found: dict[tuple[str, str], Alarm] = {}
    for alarm in _find(state, now):
        found.setdefault((alarm.subject, alarm.trouble.kind), alarm)
    return tuple(found.values())


def names_of(state: State) -> tuple[str, ...]:
    """All sources that are known of: seen, not to be seen, or no more than planned."""
    seen = {each.source for each in state.bulletin.sources} | set(state.bulletin.failed)
    return tuple(sorted(seen | {each.name[1] for each in state.planned if "/" in each.name[1]}))


def _find(state: State, now: datetime) -> Iterator[Alarm]:
    if state.config_error:
        what = f"the schedules cannot be loaded, and what was loaded before stays in force: {state.config_error}"
        yield Alarm(CONFIGURATION, Trouble("config", what, None, "`drkit check` says when it is right"))
    yield from _of_looking(state, now)
    bulletin = state.bulletin
    for name, error in bulletin.failed.items():
        trouble = Trouble("not seen", f"it cannot be looked at: {error}", None, f"`drkit check {name}` tries its store")
        yield Alarm(name, trouble)
    for source in bulletin.sources:
        if not source.is_healthy(now):
            yield from (Alarm(source.source, trouble) for trouble in source.troubles or _since_it_was_seen(source, now))
    for system in bulletin.systems:
        yield from (Alarm(system.system, trouble) for trouble in system.troubles)
    for subject, troubles in state.troubles.items():
        yield from (Alarm(subject, trouble) for trouble in troubles)
    yield from _of_runs(state)


def _of_looking(state: State, now: datetime) -> Iterator[Alarm]:
    if state.looked_at is None:
        what, step = "the stores were not looked at yet", "wait: at a start that takes a moment"
        yield Alarm(DAEMON, Trouble("not looked", what, state.started_at, step))
    elif now - state.looked_at > LATELY:
        what = f"the stores were not looked at for {format_length(now - state.looked_at)}, so nothing newer is known"
        step = "`drkit status` looks now; the daemon's log says what keeps it from looking"
        yield Alarm(DAEMON, Trouble("not looked", what, state.looked_at, step))


def _since_it_was_seen(source: SourceBulletin, now: datetime) -> Iterator[Trouble]:
    step = f"`drkit status {source.source}` looks now"
    promised = source.rpo.target
    if source.captured_at and promised and now - source.captured_at > promised:
        lost = f"{format_length(now - source.captured_at)}, and {format_length(promised)} was promised"
        what = f"RPO missed: what would be lost now is {lost}"
        yield Trouble("rpo", what, source.captured_at + promised, step)
    else:
        yield Trouble("overdue", "a backup or a drill is overdue, and nothing new was seen", source.red_at, step)


def _of_runs(state: State) -> Iterator[Alarm]:
    """Of jobs whose last run failed, unless a look that came after it tells of that, or knows better."""
    troubles: dict[str, tuple[Trouble, ...]] = {each.source: each.troubles for each in state.bulletin.sources}
    jobs: dict[str, tuple[Job, ...]] = {each.source: each.jobs for each in state.bulletin.sources}
    for system in state.bulletin.systems:
        troubles[system.system], jobs[system.system] = system.troubles, system.jobs
    for (job, subject), ended in state.last.items():
        if ended.failed and not _is_over(ended, jobs.get(subject, ())):
            told = _TOLD_AS.get(job, frozenset({f"{job} failed"}))
            if not any(each.kind in told for each in troubles.get(subject, ())):
                yield Alarm(subject, _describe(ended))


def _is_over(ended: Ended, jobs: tuple[Job, ...]) -> bool:
    """Whether somebody else has done the same since."""
    return any(job.name == ended.name[0] and job.done_at and job.done_at > ended.ended_at for job in jobs)


def _describe(ended: Ended) -> Trouble:
    job, subject = ended.name
    how = "took longer than it may" if ended.timed_out else ended.error or f"it ended with {ended.exit_code}"
    step = ended.hint or f"the daemon's log tells more of {job} {subject}, and tries it again when it is due"
    return Trouble(f"{job} failed", f"the last {job} failed: {how}", ended.ended_at, step)
