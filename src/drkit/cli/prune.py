"""`drkit prune`."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, Failed, each_source
from drkit.cli.locks import Locked, describe_locks, extend, find_hidden, outline_locks
from drkit.cli.prune_planning import keep_of, plan_for
from drkit.cli.running import each_system_run
from drkit.cli.text import format_size, format_table
from drkit.errors import DrkitError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drkit.model import Entry, Point
    from drkit.prune import PrunePlan
    from drkit.wiring import Source


def prune(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would go, and why the rest stays.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, even when more than half would go.")] = False,
) -> int:
    """Remove the points that no rule of `keep` names. Pinned points, the newest ones and the newest verified one stay.
    What goes is written down first, in a record that is signed and stays in the store. Then the same for each replica,
    by `replica_keep` or the same rules, counted from the newest point that it holds. What is locked stays until its
    lock ends; with `store.lock_days` the locks of what stays are made longer in time.

    Examples:  drkit prune --dry-run  |  drkit prune shop  |  drkit prune shop/main --yes --json
    """
    call: Call = context.obj
    sources = call.select(names)
    locks = Locked()
    if dry_run:
        plans, failed = each_source(call, _places(sources), plan_for)
    else:
        ended, failed = each_system_run(call, "prune", sources, lambda mine: _prune(call, mine, yes), _first_failure)
        plans = [pair for _, pruned in ended for pair in pruned.plans]
        failed = sum((pruned.failed for _, pruned in ended), failed)
        locks = sum((pruned.locks for _, pruned in ended), locks)
    hidden = find_hidden(plans)
    for each in hidden:
        call.console.fail(each)
    here = [plan for source, plan in plans if source.replica is None]
    afar = [(source, plan) for source, plan in plans if source.replica is not None]
    document = {
        "keep": [
            {"id": each.point.id, "source": each.point.source, "rules": list(each.reasons)}
            for plan in here
            for each in plan.keep
        ],
        "remove": [{"id": each.point.id, "source": each.point.source} for plan in here for each in plan.let_go],
        "bytes": sum(plan.bytes for plan in here),
    }
    document |= describe_locks(plans, locks)
    document |= {"replica": [_describe(source, plan) for source, plan in afar]} if afar else {}
    text = "\n".join((_outline(here, dry_run), *(_outline_replica(source, plan, dry_run) for source, plan in afar)))
    text += outline_locks(locks)
    log = [
        {"source": plan.source, "objects": len(plan.log), "bytes": sum(entry.size for entry in plan.log)}
        for plan in here
        if plan.log
    ]
    document |= {"log": log} if log else {}
    if plans or call.console.json or not failed.exit_code:  # what failed is told already
        call.console.answer(document | failed.told, text)
    return failed.exit_code or (IntegrityError.exit_code if hidden else 0)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed of one system, replicas included, and the sources of it that failed."""

    plans: "list[tuple[Source, PrunePlan]]"
    failed: Failed
    locks: Locked


def _places(sources: "Sequence[Source]") -> "list[Source]":
    return [*sources, *(seen for source in sources for seen in source.replicas())]


def _prune(call: Call, sources: "Sequence[Source]", yes: bool) -> Pruned:
    from drkit.prune import prune as carry_out
    from drkit.retention import removes_most

    plans, failed = each_source(call, _places(sources), plan_for)
    writing = [_recorder(call, source) if plan.let_go or plan.log else _nothing_goes for source, plan in plans]
    for source, plan in plans:
        if removes_most([*plan.keep, *plan.let_go]):
            where = "" if source.replica is None else f" in {source.store_name()}"
            more = f"remove {len(plan.let_go)} of the points of {source.name}{where}, more than half"
            call.console.confirm(more, yes)
    locks = Locked()
    carried: list[tuple[Source, PrunePlan]] = []
    for (source, made), write_down in zip(plans, writing, strict=True):
        removed, plan = carry_out(source.store(), made, write_down)
        carried.append((source, replace(plan, bytes=removed.freed)))
        locks += Locked(removed.hidden, len(removed.retained) + plan.waiting) + extend(source, plan)
    return Pruned(carried, failed, locks)


def _first_failure(pruned: Pruned) -> DrkitError | None:
    for each in pruned.failed.document:
        return DrkitError(f"{each['source']}: {each['error']}", each["hint"])
    return next(iter(find_hidden(pruned.plans)), None)


def _describe(source: "Source", plan: "PrunePlan") -> dict[str, object]:
    removed = [each.point.id for each in plan.let_go]
    return {"source": source.name, "url": source.store_name(), "remove": removed, "bytes": plan.bytes}


def _outline_replica(source: "Source", plan: "PrunePlan", dry_run: bool) -> str:
    many = f"{len(plan.let_go)} {'point' if len(plan.let_go) == 1 else 'points'} {'would go' if dry_run else 'removed'}"
    size = f"{format_size(plan.bytes)} {'would be' if dry_run else 'were'} freed"
    return f"{source.name} in the replica {source.store_name()}: {many}, {size}"


def _recorder(call: Call, source: "Source") -> "Callable[[Sequence[Point], Sequence[Entry]], None]":
    """Made for every source before anything goes: a key that is missing must not stop a prune half way."""
    import secrets
    from functools import partial

    from drkit.keyring import open_accepted_key, open_signers
    from drkit.prune.removals import record_removals, spell_policy
    from drkit.wiring import clock

    system, keep = source.system, keep_of(source)
    signing_key, signers = open_accepted_key(system, "the record of what is removed"), open_signers(system)
    return partial(
        record_removals,
        source=source.name,
        store=source.store(),
        why=spell_policy(keep.policy) if keep else "",
        signing_key=signing_key,
        signers=signers,
        now=clock(),
        token=secrets.token_hex(4),
        correlation_id=call.console.correlation_id,
        replica=source.replica is not None,
    )


def _nothing_goes(_points: "Sequence[Point]", _log: "Sequence[Entry]") -> None:
    """Only what unfinished backups left is collected, and that was never a point."""


def _outline(plans: "list[PrunePlan]", dry_run: bool) -> str:
    rows = [
        (each.point.source, each.point.id, ", ".join(each.reasons) or ("would go" if dry_run else "removed"))
        for plan in plans
        for each in (*plan.keep, *plan.let_go)
    ]
    size = format_size(sum(plan.bytes for plan in plans))
    total = f"{size} {'would be' if dry_run else 'were'} freed"
    return f"{format_table(('SOURCE', 'POINT', 'KEPT BY'), rows)}\n{total}" if rows else f"no points; {total}"
