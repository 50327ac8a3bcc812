"""What is wrong as the daemon alone knows it: schedules, stores that cannot be reached, jobs of its own. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from drkit.bulletin import Bulletin
from drkit.daemon.model import Ended, Name
from drkit.troubles import Trouble

DAEMON = "drkit"  # who is meant where no system is


def find_own_troubles(
    config_error: str,
    config_since: datetime | None,
    look_error: str,
    bulletin: Bulletin,
    last: Mapping[Name, Ended],
) -> dict[str, tuple[Trouble, ...]]:
    """By whom they are about."""
    found: dict[str, list[Trouble]] = {}
    if config_error:
        what = f"the schedules that lie there now cannot be loaded, so the ones before are in force: {config_error}"
        found[DAEMON] = [Trouble("config", what, config_since, "mend the file; the daemon looks again by itself")]
    if look_error:
        what = f"nothing can be looked at: {look_error}"
        found.setdefault(DAEMON, []).append(Trouble("look", what, None, "`drkit status` shows the same"))
    for subject, error in bulletin.failed.items():
        found[subject] = [Trouble("store", f"it cannot be looked at: {error}", None, "`drkit check` says more")]
    for subject, trouble in _of_jobs(last.values(), bulletin):
        found.setdefault(subject, []).append(trouble)
    return {subject: tuple(troubles) for subject, troubles in found.items()}


def _of_jobs(ended: Iterable[Ended], bulletin: Bulletin) -> Iterator[tuple[str, Trouble]]:
    """What the store knows already is told from there."""
    told = {(each.source, trouble.kind) for each in bulletin.sources for trouble in each.troubles}
    told |= {(each.system, trouble.kind) for each in bulletin.systems for trouble in each.troubles}
    for each in ended:
        job, subject = each.name
        kind = f"{job} timed out" if each.timed_out else f"{job} failed"
        if each.failed and not (job == "verify" and each.exit_code == 8) and (subject, kind) not in told:
            what = f"the last {job} {'did not end' if each.timed_out else 'failed'}: {each.error}"
            yield subject, Trouble(kind, what, each.ended_at, each.hint or f"its log, and `drkit status {subject}`")
