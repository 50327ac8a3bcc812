"""One source and one replica of its store, as commands see them: what it lacks, and copying it.

It must not know what a plan is made of.
"""

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from drkit.cli.call import Call
from drkit.errors import DrkitError

if TYPE_CHECKING:
    from drkit.catalog import Listing
    from drkit.ports import Store
    from drkit.replicate import CopyPlan
    from drkit.stores.retrying import RetryPolicy
    from drkit.wiring import Source


@dataclass(frozen=True, slots=True)
class Planned:
    """`held` is what the replica has of the source already."""

    here: "Store"
    there: "Store"
    held: "Listing"
    plan: "CopyPlan"


def plan_for(seen: "Source", reports: bool = False, patience: "RetryPolicy | None" = None) -> Planned:
    """`seen` is the source with the replica in the store's place; with `reports` those of its system are copied too."""
    from drkit import catalog
    from drkit.config.sources import PhysicalTable
    from drkit.replicate import find_held_back, plan_copy
    from drkit.wiring import clock

    here, there, keep = seen.at_home().store(), seen.store(patience), seen.table.kept_in_replicas
    prefixes = [f"{seen.name}/"] + ([catalog.reports_of(seen.system.name)] if reports else [])
    ours, theirs = (list(chain.from_iterable(map(store.list, prefixes))) for store in (here, there))
    home = catalog.backups_of(seen.name)
    own, held = (
        catalog.read_listing(seen.name, [entry for entry in entries if entry.key.startswith(home)])
        for entries in (ours, theirs)
    )
    # what moments in a log need no rule for single points can tell
    policy = keep.policy if keep and not isinstance(seen.table, PhysicalTable) else None
    held_back = find_held_back(policy, own.points, held.points, seen.system.table.timezone, clock())
    return Planned(here, there, held, plan_copy(ours, theirs, held_back))


def copy_new(call: Call, source: "Source", backup_id: str) -> bool | None:
    """Whether the backup that has just been made is in every replica now, or None if there is none. What goes wrong
    is told, and raises nothing: the backup stands, and the next run copies what is missing."""
    done = [_copy_new(call, seen, backup_id) for seen in source.replicas()]
    return all(done) if done else None


def _copy_new(call: Call, seen: "Source", backup_id: str) -> bool:
    from drkit.keyring import open_signers
    from drkit.replicate import catch_up, copy
    from drkit.wiring import BRIEF

    try:
        made = plan_for(seen, patience=BRIEF)
        plan = catch_up(made.plan, made.held.points, backup_id)
        with call.console.progress(f"copying {seen.name}", plan.bytes) as progress:
            copied = copy(plan, made.here, made.there, open_signers(seen.system), progress)
    except DrkitError as error:
        call.console.warn(
            f"{seen.name}: was captured, and not copied to the replica {seen.store_name()}: {error}",
            hint=f"the next backup or `drkit replicate {seen.name}` catches up. {error.hint}".strip(),
        )
        return False
    for failure in copied.failures:
        call.console.warn(f"{seen.name}: not copied to the replica {seen.store_name()}: {failure}", hint=failure.hint)
    return backup_id in copied.points or any(point.id == backup_id for point in made.held.points)
