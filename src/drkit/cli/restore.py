"""`drkit restore`."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.text import format_size
from drkit.errors import UsageError

if TYPE_CHECKING:
    from drkit.model import Manifest, Wishes
    from drkit.restore.plan import RestorePlan
    from drkit.wiring import Source


def restore(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM/SOURCE, or SYSTEM where it has one source.")] = None,
    at: Annotated[str, typer.Option(metavar="WHEN", help="A moment, `latest`, or a length ago: 90m.")] = "latest",
    to: Annotated[str | None, typer.Option(metavar="TARGET", help="Where to: a new file or folder.")] = None,
    swap: Annotated[bool, typer.Option("--swap", help="Exchange with what stands at TARGET; the old is kept.")] = False,
    table: Annotated[list[str] | None, typer.Option(metavar="TABLE", help="Only this table; may be repeated.")] = None,
    schema_only: Annotated[bool, typer.Option("--schema-only", help="No rows.")] = False,
    owner: Annotated[str | None, typer.Option(metavar="ROLE", help="Who shall own everything.")] = None,
    no_owner: Annotated[bool, typer.Option("--no-owner", help="All belongs to who restores.")] = False,
    no_privileges: Annotated[bool, typer.Option("--no-privileges", help="Leave out GRANTs.")] = False,
    compare: Annotated[str, typer.Option(metavar="HOW", help="With what was captured: full, counts, off.")] = "full",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Print the commands that do it without drkit.")] = False,
) -> None:
    """Restore the newest captured state at or before WHEN. Nothing that exists is overwritten.

    Examples:  drkit restore shop --at 2026-11-20T14:30:00Z --to ./shop-restored.db

    drkit restore --at 90m --to ./x.db --dry-run  |  drkit restore shop/main --to /app/data/shop.db --swap
    """
    call: Call = context.obj
    started = time.monotonic()
    source = call.select_one(name)
    wishes = _wishes(swap, table or [], schema_only, owner, no_owner, no_privileges, compare)
    if to is None and not (dry_run or by_hand):
        raise UsageError("a restore needs --to TARGET", "name a new file or folder, or see the plan with --dry-run")
    plan, manifest = _plan(call, source, at)
    if to is None or dry_run or by_hand:
        document = _describe(plan, to) | {"plan": _pieces(manifest)}
        text = _script(source, manifest, to or "restored") if by_hand else _outline(plan, manifest, to)
        call.console.answer(document | ({"by_hand": text} if by_hand else {}), text)
        return
    _carry_out(call, source, plan, manifest, to, wishes, yes, started)


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
    from drkit.catalog import survey
    from drkit.restore.plan import plan_restore
    from drkit.restore.run import read_plan
    from drkit.when import format_length, format_moment, parse_when
    from drkit.wiring import clock, open_signers

    now = clock()
    wanted = parse_when(at, source.system.table.timezone, now)
    call.console.tell(f"{source.name}: wanted is {format_moment(wanted) if wanted else 'the latest point'}")
    store = source.store()
    plan = plan_restore(survey(store, source.name).points, wanted, now)
    for point in plan.passed_over:
        call.console.warn(f"{point.id} is passed over: its time lies in the future, so a clock was wrong")
    which = f"{format_length(plan.distance)} {'before that' if wanted else 'ago'}"
    call.console.tell(f"{source.name}: reached is {format_moment(plan.reaches)}, {which}")
    return plan, read_plan(store, plan, source.engine(), open_signers(source.system))


def _carry_out(
    call: Call,
    source: "Source",
    plan: "RestorePlan",
    manifest: "Manifest",
    to: str,
    wishes: "Wishes",
    yes: bool,
    started: float,
) -> None:
    from drkit.restore.plan import needs_confirmation
    from drkit.restore.run import restore as run
    from drkit.when import format_length, format_moment
    from drkit.wiring import open_keyring

    engine = source.engine()
    engine.check_target(to, wishes)
    if plan.wanted and needs_confirmation(plan, source.table.objectives.rpo):
        call.console.confirm(f"restore a state {format_length(plan.distance)} before the one that was wanted", yes)
    if wishes.swap:
        call.console.confirm(f"exchange {to} with its state of {format_moment(plan.reaches)}", yes)
    keyring = open_keyring(source.system, ask_passphrase)
    planned = time.monotonic()
    with call.console.progress(f"restoring {source.name}", manifest.plain_bytes) as progress:
        restored = run(source.store(), manifest, engine, keyring, to, wishes, progress)
    for note in restored.notes:
        call.console.note(note)
    ended = time.monotonic()
    document = _describe(plan, restored.target) | {
        "seconds": round(ended - started, 3),
        "phases": {"plan": round(planned - started, 3)}
        | (dict(restored.phases) or {"fetch_and_load": round(ended - planned, 3)}),
        "verified": restored.verified,
        "kept_old": restored.kept_old,
    }
    size = f"{format_size(manifest.plain_bytes)} in {ended - planned:.1f} s"
    kept = f"\nwhat stood there is now {restored.kept_old}" if restored.kept_old else ""
    done = f"restored {source.name} as of {format_moment(plan.reaches)} to {restored.target} ({size})"
    call.console.answer(document, done + kept)


def _describe(plan: "RestorePlan", target: str | None) -> dict[str, Any]:
    from drkit.when import format_moment

    return {
        "source": plan.point.source,
        "backup": plan.point.id,
        "wanted": format_moment(plan.wanted) if plan.wanted else None,
        "reached": format_moment(plan.reaches),
        "target": target,
    }


def _pieces(manifest: "Manifest") -> list[dict[str, Any]]:
    return [
        {"piece": piece.name, "key": piece.key, "plain_bytes": piece.plain_bytes, "stored_bytes": piece.sealed.size}
        for piece in manifest.pieces
    ]


def _outline(plan: "RestorePlan", manifest: "Manifest", to: str | None) -> str:
    pieces = [f"  fetch {piece.key} ({format_size(piece.sealed.size)})" for piece in manifest.pieces]
    last = f"  check every byte, then publish {format_size(manifest.plain_bytes)} as {to or 'the --to TARGET'}"
    return "\n".join((f"would restore {plan.point.source} from {plan.point.id}:", *pieces, last))


def _script(source: "Source", manifest: "Manifest", to: str) -> str:
    from drkit.stores.shell import read_command

    def fetch(piece: Any) -> str:
        return f'{read_command(source.store_url(), piece.key)} | age -d -i "$IDENTITY" | zstd -d'

    head = (
        "#!/bin/bash",
        f"# {manifest.source} as of {manifest.id}, restored without drkit: age, zstd and the lines below are enough.",
        "# Unlike drkit it does not check who signed the objects.",
        "set -euo pipefail",
        "umask 077",
        ': "${IDENTITY:?set IDENTITY to the file with the age identity}"',
    )
    return "\n".join((*head, *source.engine().by_hand(manifest, fetch, to)))
