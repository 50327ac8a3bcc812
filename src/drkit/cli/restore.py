"""`drkit restore`."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.places import from_places
from drkit.cli.restore_text import describe, describe_hooks, describe_log, describe_pieces, outline, script
from drkit.cli.restoring import Orders, facts_of, make_hooks, make_plan, run_timed
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.cli.target import Target
    from drkit.model import Restored, Wishes
    from drkit.restore.hooks import Hooks
    from drkit.restore.planning import Planned
    from drkit.sealing import Progress
    from drkit.wiring import Source


def restore(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM/SOURCE; SYSTEM means all its sources, together.")] = None,
    at: Annotated[
        str,
        typer.Option(
            metavar="WHEN", help="A moment, `latest`, 90m ago, or an ID; in a log name:POINT, lsn:POSITION, xid:NUMBER."
        ),
    ] = "latest",
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET", help="Where to: a new file, folder or database; of several: SOURCE=TARGET."),
    ] = None,
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
) -> int:
    """Restore the newest captured state at or before WHEN; with a log, the state at WHEN. Nothing is overwritten.

    Where the store cannot be reached its replica is taken, and that is said, but not with `--from store`.

    A SYSTEM of several sources is restored as one set: repeat --to SOURCE=TARGET, or name one new folder for all those
    that go to paths. Each is looked at before the first is touched, and how far apart they lie is told.

    Examples:  drkit restore shop --at 2026-11-20T14:30:00Z --to ./shop-restored.db

    drkit restore --at 90m --to ./x.db --dry-run  |  drkit restore shop/main --to /app/data/shop.db --swap

    drkit restore whole --at name:before-migration --to /srv/restored --start --pause

    drkit restore --to shop_restored  |  drkit restore --to env:NEW_URL --hook 'DATABASE_URL=$DRKIT_TARGET ./migrate'

    drkit restore shop --at 2h --to main=env:NEW_URL --to uploads=/srv/uploads-restored
    """
    call: Call = context.obj
    started = time.monotonic()
    wishes = _wishes(swap, table or [], schema_only, owner, no_owner, no_privileges, compare)
    wishes = replace(wishes, start=start, pause=pause, database=database, spaces=_spaces(tablespace or []))
    found = call.select([name]) if name else []
    orders = Orders(at, tuple(to or ()), where, wishes, hook_before, hook, yes, dry_run, by_hand, started)
    if len(found) > 1:
        from drkit.cli.restore_set import restore_set

        return restore_set(call, found, orders)
    _restore_one(call, found[0] if found else call.select_one(name), orders)
    return 0


def _restore_one(call: Call, source: "Source", orders: Orders) -> None:
    from drkit.cli.target import default_target, read_target

    to = _only(orders.to)
    if to is None and not orders.only_looking:
        raise UsageError("a restore needs --to TARGET", "name a new file or folder, or see the plan with --dry-run")
    before = source.table.hooks.before if orders.hook_before is None else orders.hook_before
    after = source.table.hooks.after if orders.hook is None else orders.hook
    target = read_target(to, source) if to is not None else None
    shown = target.shown if target else None
    looking = target is None or orders.only_looking
    source, planned = from_places(
        call, source, orders.where, lambda seen: _plan(call, seen, orders.at, looking=looking)
    )
    plan = planned.plan
    if target is None or looking:
        document = describe(source, plan, shown) | {"plan": describe_pieces(planned.manifests)} | describe_log(planned)
        text = script(source, planned, target.value if target else default_target(source)) if orders.by_hand else ""
        told = text or outline(planned, shown, before, after)
        call.console.answer(document | ({"by_hand": text} if orders.by_hand else {}), told)
        return
    if target.in_the_open:
        call.console.warn("the password in --to stood where others on this machine could see it: use --to env:NAME")
    hooks = make_hooks(call, facts_of(plan, target), target.secrets, before, after)
    _carry_out(call, source, planned, target, orders, hooks)


def _only(targets: tuple[str, ...]) -> str | None:
    if len(targets) > 1:
        raise UsageError("one source is restored to one place, and --to names several", "say --to once")
    return targets[0] if targets else None


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
    from drkit.restore.wanted import parse_wanted, spell
    from drkit.wiring import clock

    now = clock()
    named = parse_id(at)
    wanted = named or parse_wanted(at, source.system.table.timezone, now)
    call.console.tell(f"{source.name}: wanted is {spell(wanted)}")
    return make_plan(call, source, wanted, now, looking=looking, point=at if named else None)


def _carry_out(
    call: Call, source: "Source", planned: "Planned", target: "Target", orders: Orders, hooks: "Hooks"
) -> None:
    from drkit.keyring import open_keyring
    from drkit.restore.plan import needs_confirmation
    from drkit.restore.run import restore as run
    from drkit.when import format_length, format_moment

    plan, engine, wishes = planned.plan, planned.engine, orders.wishes
    engine.check_target(target.value, wishes)
    if plan.wanted and needs_confirmation(plan, source.table.objectives.rpo):
        call.console.confirm(
            f"restore a state {format_length(plan.distance)} before the one that was wanted", orders.yes
        )
    if wishes.swap:
        call.console.confirm(f"exchange {target.shown} with its state of {format_moment(plan.reaches)}", orders.yes)
    keyring, store = open_keyring(source.system, ask_passphrase), source.store()
    *before, manifest = planned.manifests

    def work(progress: "Progress") -> "Restored":
        return run(store, manifest, engine, keyring, target.value, wishes, progress, hooks, before)

    document, told = run_timed(call, source, planned, work, orders.started)
    call.console.answer(document | {"hooks": describe_hooks(hooks.runs)}, told)
    if failed := hooks.failed_after():
        raise failed
