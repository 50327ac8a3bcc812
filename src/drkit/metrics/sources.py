"""The figures of sources and systems, from what was seen of them. Pure: `now` may be later than the look.

It must not know who looked, or how figures are spelled.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from drkit.bulletin import Bulletin, Job, ReplicaBulletin, SourceBulletin
from drkit.metrics import names
from drkit.metrics.names import Metric, Sample


def tell_source(seen: SourceBulletin, now: datetime) -> Iterator[Sample]:
    system, _, source = seen.source.partition("/")
    failures = next((job.failures for job in seen.jobs if job.name == "backup"), 0)
    figures: tuple[tuple[Metric, float | timedelta | datetime | None], ...] = (
        (names.HEALTHY, seen.is_healthy(now)),
        (names.HEALTHY_UNTIL, seen.red_at),
        (names.CAPTURED, seen.captured_at),
        (names.VERIFIED, seen.verified_at),
        (names.RPO, _age(seen.captured_at, now)),
        (names.RPO_OBJECTIVE, seen.rpo.target),
        (names.RTO, seen.rto.measured),
        (names.RTO_EXPECTED, seen.rto_expected),
        (names.RTO_OBJECTIVE, seen.rto.target),
        (names.RTO_MISSED, seen.rto_missed_at),
        (names.DURATION, seen.takes),
        (names.FAILURES, failures),
        (names.NEXT_BACKUP, seen.next_backup),
        (names.NEXT_DRILL, seen.next_verify),
        (names.BACKUP_LATE, seen.backup_late_at),
        (names.DRILL_LATE, seen.verify_late_at),
        (names.POINTS, seen.points),
        (names.STORED, seen.stored_bytes),
        (names.GAPS, len(seen.gaps)),
        (names.LOG_LAG, seen.log.lag if seen.log else None),
        (names.SLOT_SAFE, seen.log.slot_safe_bytes if seen.log else None),
    )
    yield Sample(names.SOURCE_INFO, (system, source, seen.kind), 1)
    for metric, figure in figures:
        yield from tell(metric, (system, source), figure)
    for replica in seen.replicas:
        yield from _tell_replica(replica, (system, source), now)
    done = {"backup": seen.made_at, "verify": seen.drilled_at}  # these leave no other record of a good end
    for job in seen.jobs:
        yield from _tell_job(job, (system, source, job.name), job.done_at or done.get(job.name))


def tell_systems(bulletin: Bulletin) -> Iterator[Sample]:
    for seen in bulletin.systems:
        for job in seen.jobs:
            yield from _tell_job(job, (seen.system, "", job.name), job.done_at)


def tell_looks(bulletin: Bulletin) -> Iterator[Sample]:
    """A source that was seen may be among the failed all the same, if its system was not."""
    looked = dict.fromkeys([*(seen.source for seen in bulletin.sources), *bulletin.failed])
    for name in looked:
        system, _, source = name.partition("/")
        yield Sample(names.LOOK_FAILED, (system, source), int(name in bulletin.failed))


def count_kinds(metric: Metric, found: Iterable[tuple[str, str]]) -> Iterator[Sample]:
    """Of pairs of whom it is about and of what kind it is: some kinds there may be more than once."""
    for (about, kind), many in Counter(found).items():
        system, _, source = about.partition("/")
        yield Sample(metric, (system, source, kind), many)


def tell(metric: Metric, labels: tuple[str, ...], figure: float | timedelta | datetime | None) -> Iterator[Sample]:
    """What nobody knows is left out: any number would lie."""
    if isinstance(figure, datetime):
        figure = figure.timestamp()
    elif isinstance(figure, timedelta):
        figure = figure.total_seconds()
    if figure is not None:
        yield Sample(metric, labels, int(figure) if isinstance(figure, bool) else figure)


def _tell_replica(replica: ReplicaBulletin, about: tuple[str, str], now: datetime) -> Iterator[Sample]:
    labels = (*about, replica.url)
    yield from tell(names.REPLICA_HEALTHY, labels, replica.healthy)
    yield from tell(names.REPLICA_CAPTURED, labels, replica.captured_at)
    yield from tell(names.REPLICA_LAG, labels, _age(replica.captured_at, now))


def _tell_job(job: Job, labels: tuple[str, ...], done_at: datetime | None) -> Iterator[Sample]:
    failing = job.failed_at is not None and (done_at is None or done_at < job.failed_at)
    yield from tell(names.JOB_FAILURES, labels, job.failures)
    yield from tell(names.JOB_FAILING, labels, failing)
    yield from tell(names.JOB_DONE, labels, done_at)
    yield from tell(names.JOB_FAILED, labels, job.failed_at)


def _age(moment: datetime | None, now: datetime) -> timedelta | None:
    return max(timedelta(0), now - moment) if moment else None
