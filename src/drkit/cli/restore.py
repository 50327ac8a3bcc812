"""`drkit restore`."""

import os
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.places import from_places
from drkit.cli.restore_text import (
    describe,
    describe_hooks,
    describe_log,
    describe_pieces,
    describe_reached,
    outline,
    script,
)
from drkit.cli.text import format_size
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.cli.target import Target
    from drkit.model import Wishes
    from drkit.restore.hooks import Hooks, When
    from drkit.restore.plan import RestorePlan
    from drkit.restore.planning import Planned
    from drkit.sealing import Keyring
    from drkit.wiring import Source


def restore(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM/SOURCE, or SYSTEM where it has one source.")] = None,
    at: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="A moment, `latest`, 90m ago, or an ID; in a log name:POINT, lsn:POSITION, xid:NUMBER."
        ),
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
    database: Annotated[str | None, typer.Option(metavar="NAME", help="Out of a whole server: this database.")] = None,
    tablespace: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Where a whole server's tablespace goes; repeatable.")
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="Start the whole server, and wait for its recovery.")] = False,
    pause: Annotated[bool, typer.Option("--pause", help="And let it stay at WHEN, to be read.")] = False,
    hook_before: Annotated[str | None, typer.Option(metavar="CMD", help="Run this first: stop traffic.")] = None,
    hook: Annotated[str | None, typer.Option(metavar="CMD", help="Run this on what was restored.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Print the commands that do it without drkit.")] = False,
) -> None:
    """Restore the newest captured state at or before WHEN; with a log, the state at WHEN. Nothing is overwritten.

    Where the store cannot be reached its replica is taken, and that is said, but not with `--from store`.

    Examples:  drkit restore shop --at 2026-11-20T14:30:00Z --to ./shop-restored.db

    drkit restore --at 90m --to ./x.db --dry-run  |  drkit restore shop/main --to /app/data/shop.db --swap

    drkit restore whole --at name:before-migration --to /srv/restored --start --pause

    drkit restore --to shop_restored  |  drkit restore --to env:NEW_URL --hook 'DATABASE_URL=$DRKIT_TARGET ./migrate'
    """
    from drkit.cli.target import default_target, read_target

    call: Call = context.obj
    started = time.monotonic()
    source = call.select_one(name)
    wishes = _wishes(swap, table or [], schema_only, owner, no_owner, no_privileges, compare)
    wishes = replace(wishes, start=start, pause=pause, database=database, spaces=_spaces(tablespace or []))
    if to is None and not (dry_run or by_hand):
        raise UsageError("a restore needs --to TARGET", "name a new file or folder, or see the plan with --dry-run")
    before = source.table.hooks.before if hook_before is None else hook_before
    after = source.table.hooks.after if hook is None else hook
    target = read_target(to, source) if to is not None else None
    shown = target.shown if target else None
    looking = target is None or dry_run or by_hand
    source, planned = from_places(call, source, where, lambda seen: _plan(call, seen, at, looking=looking))
    plan = planned.plan
    if target is None or looking:
        document = describe(source, plan, shown) | {"plan": describe_pieces(planned.manifests)} | describe_log(planned)
        text = script(source, planned, target.value if target else default_target(source)) if by_hand else ""
        told = text or outline(planned, shown, before, after)
        call.console.answer(document | ({"by_hand": text} if by_hand else {}), told)
        return
    if target.in_the_open:
        call.console.warn("the password in --to stood where others on this machine could see it: use --to env:NAME")
    hooks = _hooks(call, plan, target, before, after)
    _carry_out(call, source, planned, target, wishes, hooks, yes, started)


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


def _spaces(texts: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = [(old, new) for old, _, new in (text.partition("=") for text in texts)]
    if not all(old and new for old, new in pairs):
        raise UsageError("--tablespace wants OLD=NEW", "its old place or its number, and an absolute path for it here")
    return tuple(pairs)


def _plan(call: Call, source: "Source", at: str, *, looking: bool) -> "Planned":
    from drkit.catalog import parse_id
    from drkit.restore.planning import plan_ahead
    from drkit.restore.wanted import Mark, parse_wanted, spell
    from drkit.wiring import clock

    now = clock()
    named = parse_id(at)
    wanted = named or parse_wanted(at, source.system.table.timezone, now)
    call.console.tell(f"{source.name}: wanted is {spell(wanted)}")
    keyring = _keyring(source, looking=looking and not isinstance(wanted, Mark))  # what is called so stands in the log
    tell, point = partial(_tell, call), at if named else None
    planned = plan_ahead(source.store(), source.name, source.engine(), wanted, now, keyring, tell, point)
    for doubt in planned.doubts:
        call.console.warn(f"passed over: {doubt.detail}")
    return planned


def _tell(call: Call, plan: "RestorePlan") -> None:
    from drkit.when import format_length, format_moment

    for point in plan.passed_over:
        call.console.warn(f"{point.id} is passed over: its time lies in the future, so a clock was wrong")
    if plan.point.refuted_at:
        drill = format_moment(plan.point.refuted_at)
        call.console.warn(f"{plan.point.id}: the drill of {drill} failed on it; `drkit backup list` shows the others")
    which = f"{format_length(plan.distance)} {'before that' if plan.wanted else 'ago'}"
    call.console.tell(f"{plan.point.source}: reached is {format_moment(plan.reaches)}, {which}")


def _keyring(source: "Source", *, looking: bool) -> "Keyring":
    """A log's way leads over histories, which are sealed; whoever only looks may do so without the identity."""
    from drkit.config.tables import PhysicalTable
    from drkit.sealing import Keyring
    from drkit.wiring import open_keyring, open_outlook, open_signers

    if not isinstance(source.table, PhysicalTable):
        return Keyring((), open_signers(source.system))
    return open_outlook(source.system) if looking else open_keyring(source.system, ask_passphrase)


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
    planned: "Planned",
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

    plan, engine = planned.plan, planned.engine
    engine.check_target(target.value, wishes)
    if plan.wanted and needs_confirmation(plan, source.table.objectives.rpo):
        call.console.confirm(f"restore a state {format_length(plan.distance)} before the one that was wanted", yes)
    if wishes.swap:
        call.console.confirm(f"exchange {target.shown} with its state of {format_moment(plan.reaches)}", yes)
    keyring = open_keyring(source.system, ask_passphrase)
    begun = time.monotonic()
    *before, manifest = planned.manifests
    with call.console.progress(f"restoring {source.name}", planned.plain_bytes) as progress:
        restored = run(source.store(), manifest, engine, keyring, target.value, wishes, progress, hooks, before)
    for note in restored.notes:
        call.console.note(note)
    ended = time.monotonic()
    document = describe(source, plan, restored.target) | {
        "seconds": round(ended - started, 3),
        "phases": {"plan": round(begun - started, 3)}
        | (dict(restored.phases) or {"fetch_and_load": round(ended - begun, 3)}),
        "verified": restored.verified,
        "kept_old": restored.kept_old,
        **describe_reached(planned, restored),
        "hooks": describe_hooks(hooks.runs),
    }
    size = f"{format_size(planned.plain_bytes)} in {ended - begun:.1f} s"
    kept = f"\nwhat stood there is now {restored.kept_old}" if restored.kept_old else ""
    done = f"restored {source.name} as of {format_moment(plan.reaches)} to {restored.target} ({size})"
    call.console.answer(document, done + kept)
    if failed := hooks.failed_after():
        raise failed
