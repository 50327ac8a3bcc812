"""`drkit backup now` and `drkit backup list`."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call
from drkit.cli.pinging import Pinging
from drkit.cli.places import from_places
from drkit.cli.replicating import copy_new
from drkit.cli.running import each_run
from drkit.cli.text import format_size, format_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drkit.catalog import Listing
    from drkit.restore.plan import Window
    from drkit.retention import Verdict
    from drkit.wiring import Source

app = typer.Typer(help="Capture sources, and list the points in time that can be restored.", no_args_is_help=True)


@app.command()
def now(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="SYSTEM or SYSTEM/SOURCE.")] = None,
) -> int:
    """Capture now; without a NAME, everything.

    Examples:  drkit backup now  |  drkit backup now shop  |  drkit backup now shop/main --json
    """
    call: Call = context.obj
    sources, pinging = call.select(names), Pinging(call)
    captured, failed = each_run(call, "backup", sources, pinging.around(lambda source: _capture(call, source)))
    pinging.close(sources, failed)
    done = [document for _, document in captured]
    lines = [
        f"{each['source']}: captured {each['consistent_at']}, {format_size(each['plain_bytes'])} stored as"
        f" {format_size(each['stored_bytes'])} in {each['seconds']:.1f} s ({each['id']})"
        for each in done
    ]
    lines += [f"{each['source']}: FAILED, nothing was captured" for each in failed.document]
    call.console.answer({"backups": done, "failed": failed.document}, "\n".join(lines))
    return failed.exit_code


def _capture(call: Call, source: "Source") -> dict[str, Any]:
    import secrets

    from drkit.backup import back_up
    from drkit.catalog import own_bytes
    from drkit.keyring import open_seal
    from drkit.when import format_moment
    from drkit.wiring import clock

    started = time.monotonic()
    with call.console.progress(source.name) as progress:
        manifest, notes = back_up(
            source.name,
            source.engine(),
            source.store(),
            open_seal(source.system),
            clock,
            secrets.token_hex(4),
            call.console.correlation_id,
            progress,
        )
    for note in notes:
        call.console.warn(f"{source.name}: {note}")
    seconds = round(time.monotonic() - started, 3)
    return {
        "source": manifest.source,
        "id": manifest.id,
        "kind": manifest.kind,
        "consistent_at": format_moment(manifest.consistent_at),
        "started_at": format_moment(manifest.started_at),
        "finished_at": format_moment(manifest.finished_at),
        "plain_bytes": manifest.plain_bytes,
        "stored_bytes": own_bytes(manifest),
        "pieces": [piece.name for piece in manifest.pieces],
        "seconds": seconds,
        "replicated": copy_new(call, source, manifest.id),
    }


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM or SYSTEM/SOURCE.")] = None,
    where: Annotated[str, typer.Option("--from", metavar="PLACE", help="`store`, or `replica`: its copy.")] = "",
) -> None:
    """The points in time that can be restored, newest first.

    Examples:  drkit backup list  |  drkit backup list shop/main --from replica  |  drkit backup list --json
    """
    from drkit.catalog import survey
    from drkit.when import format_moment

    call: Call = context.obj
    points: list[dict[str, Any]] = []
    spans: list[dict[str, str]] = []
    followed: list[str] = []
    for source in call.select([name] if name else None):
        place, listing = from_places(call, source, where, lambda seen: survey(seen.store(), seen.name))
        outlook = _look(place, listing)
        reasons = {verdict.point.id: verdict.reasons for verdict in outlook.verdicts}
        points += [
            {
                "source": source.name,
                "id": point.id,
                "consistent_at": format_moment(point.consistent_at),
                "stored_bytes": point.stored_bytes,
                "verified_at": format_moment(point.verified_at) if point.verified_at else None,
                "refuted_at": format_moment(point.refuted_at) if point.refuted_at else None,
                "kept_by": list(reasons.get(point.id, ("never pruned",))),
                "pinned": point.pinned,
            }
            for point in reversed(listing.points)
        ]
        found = [(span.source, format_moment(span.start), format_moment(span.end)) for span in outlook.windows]
        spans += [{"source": name, "from": start, "to": end} for name, start, end in found]
        if outlook.unbroken:
            followed += [f"{name}: any moment from {start} to {end}" for name, start, end in found]
    rows = [
        (
            each["source"],
            each["consistent_at"],
            each["verified_at"] or ("REFUTED" if each["refuted_at"] else "not yet"),
            format_size(each["stored_bytes"]) if each["stored_bytes"] else "NOTHING",
            ", ".join(each["kept_by"]) or "nothing: the next prune removes it",
            each["id"],
        )
        for each in points
    ]
    table = format_table(("SOURCE", "CAPTURED", "VERIFIED", "STORED", "KEPT BY", "ID"), rows)
    told = "\n".join([table if rows else "nothing was captured yet", *followed])
    call.console.answer({"points": points, "windows": spans}, told)


@dataclass(frozen=True, slots=True)
class _Outlook:
    """`unbroken` says that every moment of the windows can be restored, and not the points alone."""

    verdicts: "Sequence[Verdict]"
    windows: "Sequence[Window]"
    unbroken: bool


def _look(source: "Source", listing: "Listing") -> _Outlook:
    from drkit.config.sources import GitTable, PhysicalTable
    from drkit.keyring import open_outlook, open_signers
    from drkit.prune import find_origins, keep_chains, read_references
    from drkit.prune.log import plan_log
    from drkit.restore.holdings import look
    from drkit.restore.plan import windows
    from drkit.restore.reach import find_ways
    from drkit.restore.reach import windows as unbroken
    from drkit.retention import judge
    from drkit.wiring import clock

    keep = source.table.keep if source.replica is None else source.table.kept_in_replicas
    zone = source.system.table.timezone
    if not isinstance(source.table, PhysicalTable):
        verdicts = judge(keep.policy, listing.points, zone, clock()) if keep else []
        if isinstance(source.table, GitTable):
            staying = [verdict.point for verdict in verdicts if verdict.reasons]
            references = read_references(source.store(), staying, open_signers(source.system))
            verdicts = keep_chains(verdicts, find_origins(source.name, references))
        return _Outlook(verdicts, windows(listing.points), unbroken=False)
    held = look(source.store(), listing, open_outlook(source.system)).holdings
    kept = plan_log(held, listing.points, keep.policy, zone, clock()).verdicts if keep else ()
    return _Outlook(kept, unbroken(source.name, find_ways(held)), unbroken=True)
