"""`drkit replicate`."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call, Failed, each_source
from drkit.cli.replicating import plan_for
from drkit.cli.running import by_system, each_system_run
from drkit.cli.text import format_size
from drkit.errors import DrkitError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drkit.wiring import Source


def replicate(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what is missing and copy nothing.")] = False,
) -> int:
    """Copy what the replicas lack, the newest backup first: as it is stored, and each compared with its signed
    manifest on the way. Nothing is removed or overwritten there. May be stopped and run again at any time.

    Examples:  drkit replicate  |  drkit replicate shop --dry-run  |  drkit replicate shop/main --json
    """
    call: Call = context.obj
    selected = call.select(names)
    if not any(source.replicas() for source in selected):
        selected[0].from_afar().store_name()  # says what is missing
    if dry_run:
        made = [_copy_system(call, mine, dry_run) for mine in by_system(selected)]
        failed = sum((each.failed for each in made), Failed([], 0))
    else:
        ended, failed = each_system_run(
            call, "replicate", selected, lambda mine: _copy_system(call, mine, dry_run), _first_failure
        )
        made = [each for _, each in ended]
        failed = sum((each.failed for each in made), failed)
    documents = [document for each in made for document in each.documents]
    for document in documents:
        for each in document["damaged"]:
            call.console.fail(IntegrityError(each["error"], each["hint"]))
    call.console.answer({"replicas": documents} | failed.told, "\n".join(_outline(each, dry_run) for each in documents))
    damaged = any(document["damaged"] for document in documents)
    return failed.exit_code or (IntegrityError.exit_code if damaged else 0)


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied of one system, and the sources of it that failed."""

    documents: list[dict[str, Any]]
    failed: Failed


def _copy_system(call: Call, sources: "Sequence[Source]", dry_run: bool) -> Copied:
    """Reports belong to no source: they are copied along with the first one of their system."""
    pairs = [seen for source in sources for seen in source.replicas()]
    done, failed = each_source(call, pairs, lambda seen: _copy(call, seen, seen.name == sources[0].name, dry_run))
    return Copied([document for _, document in done], failed)


def _first_failure(copied: Copied) -> DrkitError | None:
    problems = copied.failed.document + [each for document in copied.documents for each in document["damaged"]]
    return DrkitError(problems[0]["error"], problems[0]["hint"]) if problems else None


def _copy(call: Call, seen: "Source", reports: bool, dry_run: bool) -> dict[str, Any]:
    from drkit.keyring import open_signers
    from drkit.replicate import CopyPlan, copy

    started = time.monotonic()
    made = plan_for(seen, reports)
    head = {"source": seen.name, "url": seen.store_name()}
    if dry_run:
        copied = copy(CopyPlan((), (), made.plan.differing), made.here, made.there, ())
        points = [each.id for each in made.plan.backups if not each.listed]
        objects, size = sum(1 for _ in made.plan.entries), made.plan.bytes
    else:
        with call.console.progress(f"copying {seen.name}", made.plan.bytes) as progress:
            copied = copy(made.plan, made.here, made.there, open_signers(seen.system), progress)
        points, objects, size = list(copied.points), copied.objects, copied.bytes
    return head | {
        "points": points,
        "objects": objects,
        "bytes": size,
        "seconds": round(time.monotonic() - started, 3),
        "damaged": [{"error": str(each), "hint": each.hint} for each in copied.failures],
    }


def _outline(done: dict[str, Any], dry_run: bool) -> str:
    what = f"{done['objects']} {'object' if done['objects'] == 1 else 'objects'}, {format_size(done['bytes'])}"
    points = f"{len(done['points'])} {'point' if len(done['points']) == 1 else 'points'}"
    damaged = f"; {len(done['damaged'])} NOT COPIED, see above" if done["damaged"] else ""
    if not done["objects"]:
        return f"{done['source']}: nothing is missing in {done['url']}{damaged}"
    verb = "would be copied" if dry_run else f"copied in {done['seconds']:.1f} s"
    return f"{done['source']}: {points}, {what} {verb} to {done['url']}{damaged}"
