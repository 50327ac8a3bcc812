"""The jobs that belong to a whole system: which there are, and what is wrong with them. Pure: `now` is an argument.

It must not know where their records were read.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drkit.config import System
from drkit.runs import Failure, Record
from drkit.timetable import PATIENCE, Cron, next_run
from drkit.troubles import Trouble

# What follows `drkit`, and before the system's name.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "prune": ("prune",),
    "replicate": ("replicate",),
    "report": ("report",),
    "rehearsal": ("verify", "now", "--set"),
    "evidence": ("evidence", "verify", "all"),
    "audit": ("audit", "--sample", "10%"),
}
_TAKES = timedelta(hours=1)


def plans_of(system: System) -> dict[str, Cron]:
    """The jobs of a whole system that are planned and make sense there."""
    table = system.table
    planned = {
        "prune": table.jobs.prune if any(source.keep for source in table.sources.values()) else None,
        "replicate": table.jobs.replicate if table.store.replica else None,
        "report": table.jobs.report,
        "rehearsal": table.set.verify,
        "evidence": table.jobs.evidence,
        "audit": table.jobs.audit,
    }
    return {job: cron for job, cron in planned.items() if cron}


def find_chore_troubles(
    system: str,
    plans: Mapping[str, Cron],
    zone: ZoneInfo,
    records: Mapping[str, Record],
    failures: Mapping[str, Failure],
    now: datetime,
) -> Iterator[Trouble]:
    """A job that never ran is no trouble: something else may do what it does."""
    for job, cron in plans.items():
        record = records.get(job, Record())
        again = f"`drkit {' '.join(COMMANDS[job])} {system}` runs it again"
        if record.failing:
            failure = failures.get(job)
            words = f": {failure.error}" if failure else ""
            step = failure.hint if failure and failure.hint else again
            yield Trouble(f"{job} failed", f"the last {job} failed{words}", record.failed_at, step)
        elif record.done_at and (due := next_run(cron, zone, record.done_at)) + PATIENCE + _TAKES < now:
            yield Trouble(f"{job} overdue", f"{job} is overdue", due, again)
