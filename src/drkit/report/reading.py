"""What a store tells of a source for the report: one listing, its evidence, and the records of what was removed.

What cannot be believed counts for nothing and becomes a doubt. It must not know schedules, nor what a month is.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from drkit import catalog
from drkit.catalog import Listing, Span
from drkit.catalog.wholeness import check_newest
from drkit.model import Finding
from drkit.ports import Store
from drkit.prune.removals import Record, read_removals
from drkit.report.model import Known, KnownLog, Removal
from drkit.report.period import begun_at
from drkit.restore.holdings import Outlook
from drkit.restore.reach import find_ways, windows
from drkit.retention import Policy, judge
from drkit.signing import Signer
from drkit.timetable import Cron
from drkit.verify.exposure import Gap, Recoverable
from drkit.verify.history import believe, check_links
from drkit.verify.ledger import read_store
from drkit.verify.model import Drill, Evidence
from drkit.verify.verdicts import judge_backup


@dataclass(frozen=True, slots=True)
class Asked:
    """What a schedule asks of a source. Without a policy nothing is ever removed."""

    kind: str
    backup: Cron
    verify: Cron | None
    rto: timedelta | None
    rpo: timedelta | None
    policy: Policy | None


def read_known(
    store: Store,
    listing: Listing,
    asked: Asked,
    signers: Collection[Signer],
    zone: ZoneInfo,
    since: datetime,
    now: datetime,
    outlook: Outlook | None = None,
) -> Known:
    """Removals are told from `since` on: what was captured later cannot have been removed earlier. `outlook` is of a
    source with a log."""
    looked = check_newest(store, listing, signers, now)
    stored = read_store(store, listing.source)
    history = believe(stored, signers)
    removals = read_removals(store, listing.source, signers, since)
    marks = list(catalog.marks(listing.source, listing.entries))
    links = {link.id for each in history.evidences for link in each.previous}
    told_of = {each.link.id for each in stored} | links | {mark.drill for mark in marks}
    doubted = (catalog.parse_id(each) for each in told_of - {each.drill.id for each in history.evidences})
    return Known(
        source=listing.source,
        kind=asked.kind,
        backup=asked.backup,
        verify=asked.verify,
        rto=asked.rto,
        rpo=asked.rpo,
        points=looked.listing.points,
        drills=[each.drill for each in history.evidences],
        removals=_gone(removals.records, listing, history.evidences),
        verdicts=judge(asked.policy, listing.points, zone, now) if asked.policy else (),
        complete_since=removals.unsure_since,
        doubts=(
            *looked.findings,
            *history.doubts,
            *_failed(check_links(stored, history, marks, signers)),
            *removals.doubts,
        ),
        doubted_at=sorted(each for each in doubted if each),
        log=_read_log(outlook, now) if outlook else None,
    )


def _read_log(outlook: Outlook, now: datetime) -> KnownLog:
    book = outlook.book
    found = windows(book.log.source, find_ways(outlook.holdings))
    parsed = ((entry, catalog.parse_log_key(book.log.source, entry.key)) for entry in book.log.entries)
    appearances = [
        Recoverable(span.covered_until, min(max(span.covered_until, entry.modified_at), now))
        for entry, span in parsed
        if isinstance(span, Span) and any(each.start <= span.covered_until <= each.end for each in found)
    ]
    ends = [
        *((before.end, after.start) for before, after in pairwise(found)),
        *((each.end, now) for each in found[-1:]),
    ]
    return KnownLog(
        sorted(appearances, key=lambda each: (each.since, each.at)),
        [Gap(start, end) for start, end in ends if start < end],
    )


def first_known(known: Iterable[Known]) -> datetime | None:
    """When anything of these sources was captured, or drilled, for the first time that is still known."""
    begun = (begun_at(each.points, each.removals, each.drills) for each in known)
    return min((each for each in begun if each), default=None)


def _gone(records: Collection[Record], listing: Listing, evidences: Iterable[Evidence]) -> list[Removal]:
    """A prune that was stopped may have left points that it had written down; the next one writes them down anew.
    What a drill had found damaged was no point before it was removed either."""
    standing = {point.id for point in listing.points}
    refuted = _refuted(each.drill for each in evidences)
    gone: Mapping[str, Removal] = {
        point.id: Removal(replace(point, refuted_at=refuted.get(point.id)), record.removed_at, record.why)
        for record in records
        for point in record.points
    }
    return [removal for point_id, removal in gone.items() if point_id not in standing]


def _refuted(drills: Iterable[Drill]) -> dict[str, datetime]:
    """When, of backups of which the last drill that could tell refuted them. A drill of the replica cannot tell."""
    refuted: dict[str, datetime] = {}
    for drill in sorted(drills, key=lambda drill: drill.started_at):
        proof = judge_backup(drill) if drill.scenario != "region-failure" else None
        if drill.backup and proof == "refuted":
            refuted[drill.backup] = drill.started_at
        elif drill.backup and proof == "verified":
            refuted.pop(drill.backup, None)
    return refuted


def _failed(findings: Collection[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.passed]
