"""What a prune has to do with locks and versions, and how it is told."""

from dataclasses import dataclass
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
    locks now, and `left` ones get them in the next run."""

    hidden: int = 0
    deferred: int = 0
    extended: int = 0
    left: int = 0

    def __add__(self, other: "Locked") -> "Locked":
        return Locked(
            self.hidden + other.hidden,
            self.deferred + other.deferred,
            self.extended + other.extended,
            self.left + other.left,
        )


def extend(source: "Source", plan: "PrunePlan") -> Locked:
    """The locks of the points that rules keep: what only waits for its lock to end is not locked again."""
    from drkit.ports import find_versioned
    from drkit.prune.extension import extend_locks
    from drkit.wiring import open_signers

    lock, store, held = source.lock(), source.store(), plan.holdings
    versioned = find_versioned(store) if held and lock else None
    if versioned is None or held is None or lock is None:
        return Locked()
    staying = [verdict.point for verdict in plan.keep if not held.waits(verdict)]
    done = extend_locks(store, versioned, held, staying, open_signers(source.system), lock, held.at)
    return Locked(extended=len(done.points), left=done.left)


def find_hidden(plans: "Sequence[tuple[Source, PrunePlan]]") -> "list[IntegrityError]":
    """What somebody else than a prune has hidden stays as it is, and whoever plans to prune is told."""
    from drkit.prune.hidden import complain

    return [
        complain(source.name, plan.holdings.hidden) for source, plan in plans if plan.holdings and plan.holdings.hidden
    ]


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
        "hidden_bytes": locks.hidden,
        "extended": locks.extended,
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
    if locks.left:
        lines.append(f"the locks of {locks.left} points are left for the next prune")
    return "".join(f"\n{line}" for line in lines)
