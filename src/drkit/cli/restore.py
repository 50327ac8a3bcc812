"""`drkit restore`."""

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.places import from_places
from drkit.cli.restore_text import describe, describe_hooks, describe_pieces, outline, script
from drkit.cli.text import format_size
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.cli.target import Target
    from drkit.model import Manifest, Wishes
    from drkit.restore.hooks import Hooks, When
    from drkit.restore.plan import RestorePlan
    from drkit.wiring import Source


def restore(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM/SOURCE, or SYSTEM where it has one source.")] = None,
    at: Annotated[
        str, typer.Option(metavar="WHEN", help="A moment, `latest`, a length ago: 90m, or an ID.")
    ] = "latest",
    to: Annotated[str | None, typer.Option(metavar="TARGET", help="Where to: a new file, folder or database.")] = None,
    where: Annotated[str, typer.Option("--from", metavar="PLACE", help="`store`, or `replica`: its copy.")] = "",
    swap: Annotated[bool, typer.Option("--swap", help="Exchange with what stands at TARGET; the old is kept.")] = False,
    table: Annotated[list[str] | None, typer.Option(metavar="TABLE", help="Only this table; may be repeated.")] = None,
    schema_only: Annotated[bool, typer.Option("--schema-only", help="No rows.")] = False,
    owner: Annotated[str | None, typer.Option(metavar="ROLE", help="Who shall own everything.")] = None,
    no_owner: Annotated[bool, typer.Option("--no-owner", help="All belongs to who restores.")] = False,
    no_privileges: Annotated[bool, typer.Option("--no-privileges", help="Leave out GRANTs.")] = False,
    compare: Annotated[str, typer.Option(metavar="HOW", help="With what was captured: full, counts, off.")] = "full",
    hook_before: Annotated[str | None, typer.Option(metavar="CMD", help="Run this first: stop traffic.")] = None,
    hook: Annotated[str | None, typer.Option(metavar="CMD", help="Run this on what was restored.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Print the commands that do it without drkit.")] = False,
) -> None:
    """Restore the newest captured state at or before WHEN. Nothing that exists is overwritten.

    Where the store cannot be reached its replica is taken, and that is said, but not with `--from store`.

    Examples:  drkit restore shop --at 2026-11-20T14:30:00Z --to ./shop-restored.db

    drkit restore --at 90m --to ./x.db --dry-run  |  drkit restore shop/main --to /app/data/shop.db --swap

    drkit restore --to shop_restored  |  drkit restore --to env:NEW_URL --hook 'DATABASE_URL=$DRKIT_TARGET ./migrate'
    """
    from drkit.cli.target import default_target, read_target

    call: Call = context.obj
    started = time.monotonic()
    source = call.select_one(name)
    wishes = _wishes(swap, table or [], schema_only, owner, no_owner, no_privileges, compare)
    if to is None and not (dry_run or by_hand):
        raise UsageError("a restore needs --to TARGET", "name a new file or folder, or see the plan with --dry-run")
    before = source.table.hooks.before if hook_before is None else hook_before
    after = source.table.hooks.after if hook is None else hook
    target = read_target(to, source) if to is not None else None
    shown = target.shown if target else None
    source, (plan, manifest) = from_places(call, source, where, lambda seen: _plan(call, seen, at))
    if target is None or dry_run or by_hand:
        document = describe(source, plan, shown) | {"plan": describe_pieces(manifest)}
        text = script(source, manifest, target.value if target else default_target(source)) if by_hand else ""
        told = text or outline(plan, manifest, shown, before, after)
        call.console.answer(document | ({"by_hand": text} if by_hand else {}), told)
        return
    if target.in_the_open:
        call.console.warn("the password in --to stood where others on this machine could see it: use --to env:NAME")
    hooks = _hooks(call, plan, target, before, after)
    _carry_out(call, source, plan, manifest, target, wishes, hooks, yes, started)


def _wishes(
    swap: bool,
    tables: list[str],
    schema_only: bool,
    owner: str | None,
    no_owner: bool,
    no_privileges: bool,
    compare: str,
) -> "Wishes":
    from drkit.model import COMPARISONS, Wishes

    if compare not in COMPARISONS:
        raise UsageError(f"--compare {compare} is not known", f"it is one of {', '.join(COMPARISONS)}")
    return Wishes(swap, tuple(tables), schema_only, owner, no_owner, no_privileges, COMPARISONS[compare])


def _plan(call: Call, source: "Source", at: str) -> "tuple[RestorePlan, Manifest]":
    from drkit.catalog import find_point, parse_id, survey
    from drkit.restore.plan import plan_restore
    from drkit.restore.run import read_plan
    from drkit.when import format_length, format_moment, parse_when
    from drkit.wiring import clock, open_signers

    now = clock()
    named = parse_id(at)
    wanted = named or parse_when(at, source.system.table.timezone, now)
    call.console.tell(f"{source.name}: wanted is {format_moment(wanted) if wanted else 'the latest point'}")
    store = source.store()
    points = survey(store, source.name).points
    # that one and no other: a forged one may have the same moment
    plan = plan_restore([find_point(points, at)] if named else points, wanted, now)
    for point in plan.passed_over:
        call.console.warn(f"{point.id} is passed over: its time lies in the future, so a clock was wrong")
    if plan.point.refuted_at:
        drill = format_moment(plan.point.refuted_at)
        call.console.warn(f"{plan.point.id}: the drill of {drill} failed on it; `drkit backup list` shows the others")
    which = f"{format_length(plan.distance)} {'before that' if wanted else 'ago'}"
    call.console.tell(f"{source.name}: reached is {format_moment(plan.reaches)}, {which}")
    return plan, read_plan(store, plan, source.engine(), open_signers(source.system))


def _hooks(call: Call, plan: "RestorePlan", target: "Target", before: str | None, after: str | None) -> "Hooks":
    from drkit.restore.hooks import Hooks
    from drkit.streams.shell import shell_environment
    from drkit.when import format_moment

    def tell(when: "When", line: str) -> None:
        if call.console.terminal and not call.console.quiet:
            sys.stderr.write("\r\x1b[K")  # a progress bar may stand there
        call.console.note(line, hook=when)

    facts = {
        "DRKIT_SOURCE": plan.point.source,
        "DRKIT_POINT": plan.point.id,
        "DRKIT_REACHED": format_moment(plan.reaches),
        "DRKIT_TARGET": target.value,
    }
    return Hooks(before, after, shell_environment(os.environ, facts), target.secrets, tell)


def _carry_out(
    call: Call,
    source: "Source",
    plan: "RestorePlan",
    manifest: "Manifest",
    target: "Target",
    wishes: "Wishes",
    hooks: "Hooks",
    yes: bool,
    started: float,
) -> None:
    from drkit.restore.plan import needs_confirmation
    from drkit.restore.run import restore as run
    from drkit.when import format_length, format_moment
    from drkit.wiring import open_keyring

    engine = source.engine()
    engine.check_target(target.value, wishes)
    if plan.wanted and needs_confirmation(plan, source.table.objectives.rpo):
        call.console.confirm(f"restore a state {format_length(plan.distance)} before the one that was wanted", yes)
    if wishes.swap:
        call.console.confirm(f"exchange {target.shown} with its state of {format_moment(plan.reaches)}", yes)
    keyring = open_keyring(source.system, ask_passphrase)
    planned = time.monotonic()
    with call.console.progress(f"restoring {source.name}", manifest.plain_bytes) as progress:
        restored = run(source.store(), manifest, engine, keyring, target.value, wishes, progress, hooks)
    for note in restored.notes:
        call.console.note(note)
    ended = time.monotonic()
    document = describe(source, plan, restored.target) | {
        "seconds": round(ended - started, 3),
        "phases": {"plan": round(planned - started, 3)}
        | (dict(restored.phases) or {"fetch_and_load": round(ended - planned, 3)}),
        "verified": restored.verified,
        "kept_old": restored.kept_old,
        "hooks": describe_hooks(hooks.runs),
    }
    size = f"{format_size(manifest.plain_bytes)} in {ended - planned:.1f} s"
    kept = f"\nwhat stood there is now {restored.kept_old}" if restored.kept_old else ""
    done = f"restored {source.name} as of {format_moment(plan.reaches)} to {restored.target} ({size})"
    call.console.answer(document, done + kept)
    if failed := hooks.failed_after():
        raise failed
