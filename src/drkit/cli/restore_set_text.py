"""What `drkit restore` of a set says: the plan of each source, how far apart they lie, what is to be done again.

It must not know how a restore is carried out.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drkit.cli.call import Call, Failed
from drkit.cli.restore_text import describe, describe_log, describe_pieces, outline, script
from drkit.cli.restoring import Orders
from drkit.cli.set_targets import Targets
from drkit.cli.target import Target, default_target
from drkit.restore.together import Spread
from drkit.when import format_moment

if TYPE_CHECKING:
    from drkit.restore.planning import Planned
    from drkit.wiring import Source


@dataclass(frozen=True, slots=True)
class Part:
    """One source of the set, as it was seen when the plan was made. Who only looks may have named no target."""

    source: "Source"
    planned: "Planned"
    target: Target | None


def show(call: Call, head: Mapping[str, Any], parts: Sequence[Part], spread: Spread, orders: Orders) -> None:
    documents, texts = [], []
    for part in parts:
        source, planned, shown = part.source, part.planned, part.target.shown if part.target else None
        document = describe(source, planned.plan, shown) | {"plan": describe_pieces(planned.manifests)}
        document |= describe_log(planned)
        if orders.by_hand:
            to = part.target.value if part.target else f"{source.key}-{default_target(source)}"
            text = script(source, planned, to)
            document["by_hand"] = text
        else:
            text = outline(planned, shown, *own_hooks(part, orders))
        documents.append(document)
        texts.append(text)
    around = [] if orders.by_hand else _outline_hooks(orders)
    mark = "# " if orders.by_hand else ""
    call.console.answer({**head, "restores": documents}, "\n".join([*around, *texts, f"{mark}{spread}"]))


def _outline_hooks(orders: Orders) -> list[str]:
    given = {"before": orders.hook_before, "after": orders.hook}
    return [f"would run the hook {when} all of it: {command}" for when, command in given.items() if command]


def own_hooks(part: Part, orders: Orders) -> tuple[str | None, str | None]:
    """An option stands for those of all sources, and runs once."""
    hooks = part.source.table.hooks
    return hooks.before if orders.hook_before is None else None, hooks.after if orders.hook is None else None


def say_untouched(failed: Failed) -> str:
    lines = [f"{each['source']}: {each['error']}" for each in failed.document]
    return "\n".join(["nothing was touched:", *lines])


def say_again(call: Call, part: Part, targets: Targets) -> str:
    """For the same state, whatever has been captured since."""
    config = ["--config", str(call.config)] if call.config != Path("schedules") else []
    at = format_moment(part.planned.plan.reaches)
    words = ["drkit", "restore", part.source.name, "--at", at, "--to", targets.written[part.source.name], *config]
    return shlex.join(words)
