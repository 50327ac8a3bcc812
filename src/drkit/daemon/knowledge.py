"""What is known of a job's runs: from what was seen in the store, and from what this daemon did since. Pure.

It must not know when a job is due.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from drkit.bulletin import Bulletin, SourceBulletin
from drkit.bulletin import Job as Seen
from drkit.daemon.agenda import Attempt, Known
from drkit.daemon.model import Ended, Job, Name, Running

# Exit codes of jobs that came to their end: to find out that a drill fails, or a chain is broken, is what they are for.
_RAN: Mapping[str, frozenset[int]] = {
    "verify": frozenset({0, 8}),
    "rehearsal": frozenset({0, 8}),
    "evidence": frozenset({0, 7}),
    "audit": frozenset({0, 7}),
}
_WELL = frozenset({0})
_EVER = datetime.min.replace(tzinfo=UTC)


def came_to_its_end(ended: Ended) -> bool:
    return not ended.taken and ended.exit_code in _RAN.get(ended.name[0], _WELL)


def know(
    job: Job,
    bulletin: Bulletin,
    running: Mapping[Name, Running],
    last: Mapping[Name, Ended],
    is_dead: Callable[[str], bool],
) -> Known:
    """`last` are the newest runs of this daemon that have ended."""
    seen, done_at, since, takes = _look_up(job, bulletin)
    attempts = (
        [_claimed(claim.slot, claim.attempt, claim.at, is_dead(claim.by)) for claim in seen.claims] if seen else []
    )
    if ended := last.get(job.name):
        mine = _own(ended)
        attempts = [each for each in attempts if mine is None or (each.slot, each.number) != (mine.slot, mine.number)]
        attempts += [mine] if mine else []
        if came_to_its_end(ended):
            done_at = max(done_at or ended.began_at, ended.began_at)
            takes = max(takes, ended.ended_at - ended.began_at)
    if run := running.get(job.name):
        attempts.append(Attempt(run.slot, run.attempt, run.began_at, "running"))
    return Known(done_at, since, tuple(attempts), takes)


def _look_up(job: Job, bulletin: Bulletin) -> tuple[Seen | None, datetime | None, datetime | None, timedelta]:
    if mine := bulletin.source(job.subject):
        seen = next((each for each in mine.jobs if each.name == job.kind), None)
        return seen, _done(job.kind, mine), _since(job.kind, mine), mine.takes or timedelta(0)
    system = bulletin.system(job.subject)
    seen = next((each for each in system.jobs if each.name == job.kind), None) if system else None
    firsts = [each.window[0] for each in bulletin.sources if each.system == job.subject and each.window]
    return seen, seen.done_at if seen else None, min(firsts, default=None), timedelta(0)


def _done(kind: str, source: SourceBulletin) -> datetime | None:
    return source.made_at if kind == "backup" else source.drilled_at


def _since(kind: str, source: SourceBulletin) -> datetime | None:
    """A source of which nothing was ever captured is captured at once."""
    if kind == "backup":
        return _EVER
    return source.window[0] if source.window else None


def _own(ended: Ended) -> Attempt | None:
    if came_to_its_end(ended):
        return None
    return Attempt(ended.slot, ended.attempt, ended.ended_at, "claimed" if ended.taken else "failed")


def _claimed(slot: datetime, attempt: int, at: datetime, dead: bool) -> Attempt:
    return Attempt(slot, attempt, at, "abandoned" if dead else "claimed")
