"""What a prune would do with one source, in the store or in a replica. It must not know how that is told."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from drkit.catalog import Listing, Span
    from drkit.config.parts import KeepTable
    from drkit.prune import PrunePlan
    from drkit.prune.holdings import Holdings
    from drkit.prune.log import LogPlan
    from drkit.prune.spans import LogShare
    from drkit.restore.holdings import Outlook
    from drkit.retention import Policy, Verdict
    from drkit.wiring import Source


def keep_of(source: "Source") -> "KeepTable | None":
    return source.table.keep if source.replica is None else source.table.kept_in_replicas


def plan_for(source: "Source") -> "PrunePlan":
    from dataclasses import replace

    from drkit.backup import GRACE
    from drkit.catalog import survey
    from drkit.config.sources import PhysicalTable
    from drkit.keyring import open_signers
    from drkit.prune import find_origins, keep_chains, plan_prune, read_references, with_holdings
    from drkit.prune.holdings import look_up_held
    from drkit.prune.spans import LogShare
    from drkit.retention import Policy, judge
    from drkit.verify.marks import without_false_marks
    from drkit.wiring import clock

    store = source.store()
    signers = open_signers(source.system)
    listing = survey(store, source.name)
    believed = without_false_marks(store, listing, signers).points
    keep = keep_of(source)
    policy = keep.policy if keep else Policy(last=len(listing.points))
    now, zone = clock(), source.system.table.timezone
    held = look_up_held(store, listing, signers, now)
    log = LogShare()
    if isinstance(source.table, PhysicalTable):
        verdicts, log = _plan_with_log(source, replace(listing, points=believed), policy, now, held)
    else:
        verdicts = held.withhold(judge(policy, believed, zone, now))
    staying = [verdict.point for verdict in verdicts if verdict.reasons]
    references = read_references(store, staying, signers)
    verdicts = keep_chains(verdicts, find_origins(source.name, references))
    referenced = {key for keys in references.values() for key in keys} | _being_copied(source, listing)
    plan = plan_prune(listing, verdicts, referenced | held.protected(listing), GRACE, now, log)
    plan = replace(plan, reading=held.reading.backups)
    if not held.versions:
        return plan
    held = held.sparing(referenced)
    held = replace(held, hidden_log=log.hidden, leftovers=(*held.leftovers, *log.leftovers))
    return with_holdings(plan, held)


def _being_copied(source: "Source", listing: "Listing") -> set[str]:
    """What lies in a replica without a manifest, as a copy that was stopped long ago has left it, is no orphan while
    the store has the manifest: the next copy puts that, and does not look at the rest again."""
    from drkit import catalog

    if source.replica is None:
        return set()
    points = {point.id for point in catalog.survey(source.at_home().store(), source.name).points}
    points -= {point.id for point in listing.points}
    found = ((entry.key, catalog.parse_backup_key(entry.key)) for entry in listing.entries)
    return {key for key, parsed in found if parsed and parsed[1] in points}


def _plan_with_log(
    source: "Source", listing: "Listing", policy: "Policy", now: "datetime", held: "Holdings"
) -> "tuple[Sequence[Verdict], LogShare]":
    from dataclasses import replace

    from drkit.catalog import Span
    from drkit.keyring import open_outlook, open_signers
    from drkit.prune.log import plan_log
    from drkit.prune.spans import share_out
    from drkit.restore.holdings import look

    store = source.store()
    outlook = look(store, listing, open_outlook(source.system))
    young, zone = _young(source.name, listing, outlook, now), source.system.table.timezone

    def plan(spans: "Sequence[Span]") -> "LogPlan":
        holdings = replace(outlook.holdings, spans=tuple(sorted(spans)))
        return plan_log(holdings, listing.points, policy, zone, now, young, held.withhold, held.reading.backups)

    decided = plan(outlook.holdings.spans)
    stays = keep_of(source) is None or outlook.doubts or held.reads_removed(listing)
    going = frozenset[Span]() if stays else frozenset(decided.let_go)
    signers, lock = open_signers(source.system), source.lock()

    def let_go(spans: "Sequence[Span]") -> "Sequence[Span]":
        return () if stays else plan(spans).let_go

    return decided.verdicts, share_out(store, outlook.book.log, going, let_go, held, signers, lock)


def _young(name: str, listing: "Listing", outlook: "Outlook", now: "datetime") -> "list[Span]":
    """Of a server that has no base yet: one may be on its way."""
    from drkit.backup import GRACE
    from drkit.catalog import Span, newest_stamp, parse_log_key

    entries = outlook.book.log.entries
    newest = newest_stamp((*entries, *listing.entries), now)
    known = {held.base.system_identifier for held in outlook.holdings.bases}
    return [
        span
        for entry in entries
        if isinstance(span := parse_log_key(name, entry.key), Span)
        and span.system not in known
        and newest - entry.modified_at < GRACE
    ]
