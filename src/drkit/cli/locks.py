"""What a prune has to do with locks and versions, and how it is told."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from drkit.cli.text import format_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drkit.errors import IntegrityError
    from drkit.prune import PrunePlan
    from drkit.wiring import Source


@dataclass(frozen=True, slots=True)
class Locked:
    """`hidden` bytes are out of sight and still paid for; `deferred` objects are locked; `extended` points have longer
    locks now, and `left` ones get them in the next run; so have objects of a log."""

    hidden: int = 0
    deferred: int = 0
    extended: int = 0
    left: int = 0
    extended_log: int = 0
    left_log: int = 0

    def __add__(self, other: "Locked") -> "Locked":
        return Locked(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def extend(source: "Source", plan: "PrunePlan") -> Locked:
    """The locks of the points that rules keep: what only waits for its lock to end is not locked again."""
    from drkit.keyring import open_signers
    from drkit.ports import find_versioned
    from drkit.prune.extension import extend_locks, extend_log

    lock, store, held = source.lock(), source.store(), plan.holdings
    versioned = find_versioned(store) if held and lock else None
    if versioned is None or held is None or lock is None:
        return Locked()
    staying = [verdict.point for verdict in plan.keep if not held.waits(verdict)]
    done = extend_locks(store, versioned, held, staying, open_signers(source.system), lock, held.at)
    spans, left = extend_log(versioned, held, plan.kept_log, lock, held.at)
    return Locked(extended=len(done.points), left=done.left, extended_log=spans, left_log=left)


def find_hidden(plans: "Sequence[tuple[Source, PrunePlan]]") -> "list[IntegrityError]":
    """What somebody else than a prune has hidden stays as it is, and whoever plans to prune is told."""
    from drkit.prune.hidden import complain, complain_of_log

    held = [(source.name, plan.holdings) for source, plan in plans if plan.holdings]
    points = [complain(name, holdings.hidden) for name, holdings in held if holdings.hidden]
    return points + [complain_of_log(name, holdings.hidden_log) for name, holdings in held if holdings.hidden_log]


def describe_locks(plans: "Sequence[tuple[Source, PrunePlan]]", locks: Locked) -> dict[str, object]:
    """Nothing where no store keeps versions."""
    from drkit.when import format_moment

    held = [(source, plan, plan.holdings) for source, plan in plans if plan.holdings and source.replica is None]
    if not held:
        return {}
    return {
        "retained": [
            {"id": each.point.id, "source": source.name, "until": format_moment(holdings.locked[each.point.id])}
            for source, plan, holdings in held
            for each in plan.keep
            if holdings.waits(each)
        ],
        "hidden": [{"id": point, "source": source.name} for source, _, holdings in held for point in holdings.hidden],
        "hidden_log": [
            {"source": source.name, "objects": len(holdings.hidden_log)}
            for source, _, holdings in held
            if holdings.hidden_log
        ],
        "hidden_bytes": locks.hidden,
        "extended": locks.extended,
        "extended_log": locks.extended_log,
    }


def outline_locks(locks: Locked) -> str:
    lines = []
    if locks.hidden:
        lines.append(
            f"{format_size(locks.hidden)} are only hidden: this role may not remove versions, so a lifecycle rule of"
            " the bucket has to end them"
        )
    if locks.deferred:
        lines.append(f"{locks.deferred} objects are locked still, and go with a later prune")
    if locks.extended:
        lines.append(f"the locks of {locks.extended} points were made longer")
    if locks.extended_log:
        lines.append(f"the locks of {locks.extended_log} objects of log were made longer")
    if locks.left_log:
        lines.append(f"the locks of {locks.left_log} objects of log are left for the next prune")
    if locks.left:
        lines.append(f"the locks of {locks.left} points are left for the next prune")
    return "".join(f"\n{line}" for line in lines)
