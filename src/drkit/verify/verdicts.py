"""What the measurements of a drill are worth: promises met or not, and what was shown of a backup.

Pure: it must not know where drills run, or where evidence lies.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from drkit.catalog import Proof
from drkit.model import Check
from drkit.verify.model import Drill, Result, Target
from drkit.when import CLOCK_TOLERANCE, format_length

# What takes longer the more there is to restore. Starting a server does not, and the replay of a log takes as long as
# the log is, whatever the size of the backup below it.
GROWING = frozenset({"fetch_and_load", "index", "analyze", "check"})
FARTHEST = 100  # times as large: in a small backup what is the same for all of them outweighs its rows


def judge_rto(target: timedelta | None, measured: timedelta | None) -> Target:
    """Without a measurement nobody can say: a drill that was stopped has shown neither."""
    met = None if target is None or measured is None else measured <= target
    return Target(target, measured, met)


def judge_rpo(target: timedelta | None, measured: timedelta | None) -> Target:
    """`measured` is None where there was no point at all, which keeps no promise."""
    met = None if target is None else measured is not None and measured <= target
    return Target(target, measured, met)


def judge_result(error: str, checks: Iterable[Check], rto: Target, rpo: Target) -> Result:
    """The result of a drill that came to its end. One in which nothing could be tested has shown nothing."""
    good = brought_back(error, checks)
    return "passed" if good and rto.met is not False and rpo.met is not False else "failed"


def brought_back(error: str, checks: Iterable[Check]) -> bool:
    """Whether what was captured came back, however slowly and from however far."""
    outcomes = {check.outcome for check in checks}
    return not error and "passed" in outcomes and "failed" not in outcomes


def judge_backup(drill: Drill) -> Proof | None:
    """What the drill has shown of its backup, whether or not promises were kept.

    A failed check refutes the backup: so damaged objects must come as a failed check. An error alone, such as a full
    disk where the drill ran, says nothing about it.
    """
    if drill.backup is None or drill.result in ("aborted", "missed"):
        return None
    if any(check.outcome == "failed" for check in drill.checks):
        return "refuted"
    return "verified" if drill.reached and brought_back(drill.error, drill.checks) else None


def growing(drill: Drill) -> timedelta:
    """How much of the measured time grows with the size of the backup."""
    found = sum((timedelta(seconds=taken) for name, taken in drill.phases if name in GROWING), timedelta(0))
    return min(found, drill.rto.measured or timedelta(0))


def scale_rto(drill: Drill, stored_bytes: int) -> timedelta | None:
    """How long the drill would have taken for a backup of that size, such as the newest: the phases that grow, in
    proportion, and all else as it was. None if the drill measured nothing, or something far too small to tell."""
    if drill.rto.measured is None or drill.stored_bytes <= 0 or stored_bytes > FARTHEST * drill.stored_bytes:
        return None
    return drill.rto.measured + growing(drill) * (stored_bytes / drill.stored_bytes - 1)


def judge_clock(drill: Drill, offset: timedelta) -> Drill:
    """The drill with what is known of its clock. By clocks that are far apart nobody can tell what would be lost."""
    timed = replace(drill, clock_offset=offset.total_seconds())
    if abs(offset) <= CLOCK_TOLERANCE:
        return timed
    wrong = f"the clocks of this machine and of the store are {format_length(abs(offset))} apart"
    error = f"{drill.error}; {wrong}" if drill.error else wrong
    return replace(timed, result="failed", error=error, rpo=replace(drill.rpo, met=None))
