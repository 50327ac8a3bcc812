"""What keeps the daemon from saying that all is well: the one decision behind /readyz and the status page. Pure.

It must not know how anything in a bulletin was judged, nor who is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.bulletin import SourceBulletin
from drkit.daemon.model import State
from drkit.daemon.troubles import CONFIGURATION, DAEMON
from drkit.troubles import Trouble
from drkit.when import format_length, format_moment

_LATE = timedelta(minutes=2)  # a look may take its time


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


def lately(state: State) -> timedelta:
    """A daemon that has looked at nothing for longer tells of a past."""
    return 2 * state.look_every + _LATE


def _find(state: State, now: datetime) -> Iterator[Alarm]:
    yield from _own(state, CONFIGURATION)
    yield from _of_looking(state, now)
    for source in state.bulletin.sources:
        if not source.is_healthy(now):
            yield from (Alarm(source.source, trouble) for trouble in source.troubles or _since_it_was_seen(source, now))
    for system in state.bulletin.systems:
        yield from (Alarm(system.system, trouble) for trouble in system.troubles)
    for subject in state.troubles:
        yield from _own(state, subject)


def _own(state: State, subject: str) -> Iterator[Alarm]:
    return (Alarm(subject, trouble) for trouble in state.troubles.get(subject, ()))


def _of_looking(state: State, now: datetime) -> Iterator[Alarm]:
    if state.looked_at is None:
        what, step = "the stores were not looked at yet", "wait: at a start that takes a moment"
        yield Alarm(DAEMON, Trouble("not looked", what, state.started_at, step))
    elif now - state.looked_at > lately(state):
        what = f"the stores were not looked at for {format_length(now - state.looked_at)}, so nothing newer is known"
        step = "`drkit status` looks now; the daemon's log says what keeps it from looking"
        yield Alarm(DAEMON, Trouble("not looked", what, state.looked_at, step))


def _since_it_was_seen(source: SourceBulletin, now: datetime) -> Iterator[Trouble]:
    """What a look would find now if nothing new has come. At least one."""
    step = f"`drkit status {source.source}` looks now"
    promised, captured_at = source.rpo.target, source.captured_at
    undrilled = source.verify_late_at is not None and now > source.verify_late_at
    broken_at = captured_at + promised if captured_at and promised else None
    missed = broken_at is not None and now > broken_at
    if (source.backup_late_at and now > source.backup_late_at) or not (missed or undrilled):
        yield Trouble("overdue", "a backup is overdue, and nothing new was seen", source.red_at, step)
    if missed and captured_at and promised:
        lost = f"{format_length(now - captured_at)}, and {format_length(promised)} was promised"
        yield Trouble("rpo", f"RPO missed: what would be lost now is {lost}", broken_at, step)
    if undrilled:
        yield Trouble("drill overdue", "a drill is overdue, and none was seen", source.verify_late_at, step)
