"""A look at the store, for one source and for one system: all that is told of how they stand.

It reads and never writes. It must not know who asks.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from drkit import catalog
from drkit.bulletin import LogBulletin, describe_moments, describe_source, describe_system
from drkit.catalog.runs import WHOLE_SYSTEM, claim_key, runs_of
from drkit.catalog.wholeness import check_newest
from drkit.chores import find_chore_troubles, plans_of
from drkit.config import System
from drkit.config.sources import PhysicalTable
from drkit.errors import DrkitError
from drkit.keyring import current_recipients, known_recipients, open_outlook, open_signers
from drkit.ports import Store
from drkit.prune.removals import find_whole_since
from drkit.replicate.lag import ReplicaStanding, judge_log
from drkit.replicate.lag import look as look_at_replica
from drkit.restore.hauls import farthest_hauls
from drkit.restore.holdings import look
from drkit.restore.reach import find_ways, windows
from drkit.runs import Record, Subject, read_claimer, read_failure, read_records
from drkit.standing import FailedRun, Promises, Standing, judge_standing, with_log
from drkit.troubles import Trouble
from drkit.verify.custody import judge_custody
from drkit.verify.history import History, read_newest
from drkit.verify.worst import foresee_worst
from drkit.wiring import BRIEF, Source

_DRILLS = 8  # enough for the last one that came to its end, and for a forecast


def read_runs(store: Store, system: str) -> dict[Subject, Record]:
    return read_records(store.list(runs_of(system)))


def look_at_source(
    source: Source, records: Mapping[Subject, Record], now: datetime, moments: bool = False
) -> tuple[Standing, dict[str, Any]]:
    """How it stands, and all that is told of it."""
    table, store, signers = source.table, source.store(), open_signers(source.system)
    promised = table.objectives
    found = catalog.survey(store, source.name)
    looked = check_newest(store, found, signers, now, known_recipients(source.system))
    listing = looked.listing
    history = read_newest(store, source.name, signers, _DRILLS, now, catalog.marks(source.name, found.entries))
    backups = records.get(("backup", source.key), Record())
    standing = judge_standing(
        source.name,
        Promises(table.backup, table.verify, source.system.table.timezone, promised.rto, promised.rpo),
        listing.points,
        History(history.evidences, (*looked.findings, *history.doubts)),
        find_whole_since(store, source.name, signers),
        now,
        _failed_run(store, backups),
        judge_custody(current_recipients(source.system), looked.newest, history.evidences),
    )
    log = None
    if isinstance(table, PhysicalTable):
        followed = records.get(("follow", source.key), Record())
        alarm = _failed_run(store, followed) if followed.failing else None
        standing, log = _look_at_log(source, standing, listing, history, now, alarm)
    done = {"backup": standing.made_at, "verify": standing.last_drill.started_at if standing.last_drill else None}
    reaches = standing.captured_at
    replicas = tuple(_look_at_replica(seen, listing, reaches, now) for seen in source.replicas())
    standing = replace(standing, replicas=replicas)
    jobs = {
        job: _claimed_since(store, source.system.name, job, source.key, record, done.get(job))
        for (job, subject), record in records.items()
        if subject == source.key
    }
    told = describe_source(table.kind, standing, listing.points, jobs, log)
    return standing, told | ({"moments": describe_moments(found.points)} if moments else {})


def _look_at_log(
    source: Source,
    standing: Standing,
    listing: catalog.Listing,
    history: History,
    now: datetime,
    alarm: FailedRun | None,
) -> tuple[Standing, LogBulletin]:
    outlook = look(source.store(), listing, open_outlook(source.system))
    ways = [way for way in find_ways(outlook.holdings) if way.held.point.credible]
    reaching = {way.held.point.id for way in ways if way.until is not None}
    useless = [point for point in listing.points if point.id not in reaching]
    last = catalog.newest(outlook.holdings.spans)
    lag = catalog.lag(outlook.holdings.spans, now)
    covered_until = last.covered_until if last and lag is not None else None
    worst = foresee_worst([each.drill for each in history.evidences], farthest_hauls(ways), standing.rto.target)
    standing = with_log(standing, windows(source.name, ways), useless, now, worst, alarm)
    return standing, LogBulletin(covered_until, lag, None)  # how much may still be written only who follows it knows


def look_at_system(
    system: System, store: Store, records: Mapping[Subject, Record], now: datetime
) -> tuple[tuple[Trouble, ...], dict[str, Any]]:
    """What is wrong with its jobs, and all that is told of it."""
    mine = {
        job: _claimed_since(store, system.name, job, subject, record, record.done_at)
        for (job, subject), record in records.items()
        if subject == WHOLE_SYSTEM
    }
    failures = {job: read_failure(store, record.last_failure) for job, record in mine.items() if record.failing}
    plans, zone = plans_of(system), system.table.timezone
    troubles = tuple(find_chore_troubles(system.name, plans, zone, mine, failures, now))
    reports = map(catalog.parse_report_key, (entry.key for entry in store.list(catalog.reports_of(system.name))))
    months = [where[1] for where in reports if where]
    return troubles, describe_system(system.name, max(months, default=None), mine, troubles)


def _claimed_since(
    store: Store, system: str, job: str, subject: str, record: Record, done_at: datetime | None
) -> Record:
    """With the claims of newer slots alone, and who made the last one. What is done well leaves no record of its own
    everywhere, so `done_at` is told."""
    newer = [each for each in record.claims if done_at is None or each.slot > done_at]
    if newer:
        last = newer.pop()
        by = read_claimer(store, claim_key(system, job, subject, last.slot, last.attempt))
        newer.append(replace(last, by=by))
    return replace(record, claims=tuple(newer), done_at=done_at)


def _failed_run(store: Store, record: Record) -> FailedRun | None:
    if record.failed_at is None:
        return None
    failure = read_failure(store, record.last_failure)
    return FailedRun(record.failed_at, failure.error, failure.hint)


def _look_at_replica(seen: Source, here: catalog.Listing, ours: datetime | None, now: datetime) -> ReplicaStanding:
    """One that does not answer is a trouble, and keeps nothing else from being told. `ours` is how far the store itself
    reaches."""
    keep, table, rpo = seen.table.kept_in_replicas, seen.system.table, seen.table.objectives.rpo
    followed = isinstance(seen.table, PhysicalTable)
    try:
        standing = look_at_replica(
            seen.store_name(),
            seen.store(BRIEF),
            here,
            keep.policy if keep and not followed else None,
            table.timezone,
            open_signers(seen.system),
            rpo,
            now,
        )
        if not followed:
            return standing
        return judge_log(standing, ours, _log_reaches(seen), rpo, now)
    except DrkitError as error:
        return ReplicaStanding(seen.store_name(), error=str(error), hint=error.hint)


def _log_reaches(seen: Source) -> datetime | None:
    """The last moment that can be had back from a replica alone: by its own bases, and its own log without a gap. As a
    rule the newest base tells; one may have come before the log up to its end."""
    store = seen.store(BRIEF)
    listing = catalog.survey(store, seen.name)
    keyring = open_outlook(seen.system)
    for points in (listing.points[-1:], listing.points):
        outlook = look(store, replace(listing, points=points), keyring)
        ways = [way for way in find_ways(outlook.holdings) if way.held.point.credible]
        if found := windows(seen.name, ways):
            return found[-1].end
    return None
