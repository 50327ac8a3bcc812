"""`drkit undelete`."""

from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, each_source
from drkit.cli.text import format_size

if TYPE_CHECKING:
    from drkit.undelete import UndeletePlan
    from drkit.wiring import Source


def undelete(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    pruned: Annotated[bool, typer.Option("--pruned", help="Also what a prune has removed by its own record.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would come back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Bring back what somebody hid by a delete or put something else over, in a bucket that keeps versions. Nothing is
    removed but the markers that hide it. What a prune has removed by its record stays as it is.

    Examples:  drkit undelete --dry-run  |  drkit undelete shop/main --yes  |  drkit undelete shop --pruned
    """
    from drkit.undelete import undelete as carry_out

    call: Call = context.obj
    plans, failed = each_source(call, call.select(names), lambda source: _plan(source, pruned))
    due = {source: plan for source, plan in plans if plan.recoveries}
    if due and not dry_run:
        objects, size = sum(len(plan.recoveries) for plan in due.values()), sum(plan.bytes for plan in due.values())
        call.console.confirm(f"bring back {objects} objects ({format_size(size)})", yes)
        _, failing = each_source(call, list(due), lambda source: carry_out(source.store(), due[source]))
        failed += failing
    document = {"sources": [_describe(source, plan) for source, plan in plans]}
    if plans or call.console.json:
        text = "\n".join(_outline(source, plan, dry_run) for source, plan in plans)
        call.console.answer(document | failed.told, text)
    return failed.exit_code or (7 if any(plan.lost for _, plan in plans) else 0)


def _plan(source: "Source", pruned: bool) -> "UndeletePlan":
    from drkit.keyring import open_signers
    from drkit.undelete import look_for_hidden

    return look_for_hidden(source.store(), source.name, open_signers(source.system), pruned=pruned)


def _describe(source: "Source", plan: "UndeletePlan") -> dict[str, object]:
    return {
        "source": source.name,
        "points": list(plan.points),
        "objects": [each.version.key for each in plan.recoveries],
        "bytes": plan.bytes,
        "pruned": list(plan.pruned),
        "lost": list(plan.lost),
    }


def _outline(source: "Source", plan: "UndeletePlan", dry_run: bool) -> str:
    if plan.recoveries:
        what = f"{len(plan.points)} points, {len(plan.recoveries)} objects, {format_size(plan.bytes)}"
        lines = [f"{source.name}: {what} {'would come back' if dry_run else 'are back'}"]
        lines += [f"  {point}" for point in plan.points]
    else:
        lines = [f"{source.name}: nothing is hidden"]
    if plan.pruned:
        lines.append(f"  {len(plan.pruned)} points were removed by a prune, which --pruned would bring back")
    lines += [f"  LOST: of {key} no version is what its manifest lists" for key in plan.lost]
    return "\n".join(lines)
