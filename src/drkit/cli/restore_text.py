"""What `drkit restore` prints: the plan, the script that does it by hand, and the record of what was done.

It must not know how a restore is carried out.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from drkit.cli.text import format_size
from drkit.lsn import format_lsn
from drkit.when import format_moment

if TYPE_CHECKING:
    from drkit.model import Manifest, Piece, Restored
    from drkit.restore.hooks import HookRun
    from drkit.restore.plan import RestorePlan
    from drkit.restore.planning import Planned
    from drkit.wiring import Source


def describe(source: "Source", plan: "RestorePlan", target: str | None) -> dict[str, Any]:
    return {
        "source": plan.point.source,
        "backup": plan.point.id,
        "wanted": format_moment(plan.wanted) if plan.wanted else None,
        "reached": format_moment(plan.reaches),
        "target": target,
        "from": "store" if source.replica is None else "replica",
    }


def describe_pieces(manifests: "Sequence[Manifest]") -> list[dict[str, Any]]:
    return [
        {"piece": piece.name, "key": piece.key, "plain_bytes": piece.plain_bytes, "stored_bytes": piece.sealed.size}
        for manifest in manifests
        for piece in manifest.pieces
    ]


def describe_log(planned: "Planned") -> dict[str, Any]:
    from drkit.restore.planning import describe_way

    return {"log": describe_way(planned.travel.journey)} if planned.travel else {}


def describe_reached(planned: "Planned", restored: "Restored") -> dict[str, Any]:
    """Where a log goes with the points: of what was really replayed."""
    last = restored.last_transaction
    return {"last_transaction": format_moment(last) if last else None} if planned.travel else {}


def describe_hooks(runs: "Sequence[HookRun]") -> list[dict[str, Any]]:
    return [
        {
            "when": run.when,
            "command": run.command,
            "status": run.ran.status,
            "output": run.ran.output,
            "seconds": run.ran.seconds,
        }
        for run in runs
    ]


def outline(planned: "Planned", to: str | None, before: str | None, after: str | None) -> str:
    plan, travel = planned.plan, planned.travel
    pieces = [
        f"  fetch {piece.key} ({format_size(piece.sealed.size)})"
        for manifest in planned.manifests
        for piece in manifest.pieces
    ]
    log = []
    if travel:
        stretch, base = travel.journey.way.stretch, travel.journey.way.held.base
        log = [
            f"  fetch and replay the log of timeline {stretch.timeline} from {format_lsn(base.start)}, which is there"
            f" up to {format_lsn(stretch.end)}, to {format_moment(plan.reaches)}"
        ]
    return "\n".join(
        (
            f"would restore {plan.point.source} from {plan.point.id}:",
            *([f"  run the hook before: {before}"] if before else []),
            *pieces,
            *log,
            f"  check every byte, then publish {format_size(planned.plain_bytes)} as {to or 'the --to TARGET'}",
            *([f"  run the hook after: {after}"] if after else []),
        )
    )


def script(source: "Source", planned: "Planned", to: str) -> str:
    from drkit.stores.shell import read_command

    manifest = planned.manifest

    def fetch(piece: "Piece") -> str:
        return f'{read_command(source.store_url(), piece.key)} | age -d -i "$IDENTITY" | zstd -d'

    head = (
        "#!/bin/bash",
        f"# {manifest.source} as of {manifest.id}, restored without drkit: age, zstd and the lines below are enough.",
        "# Unlike drkit it does not check who signed the objects.",
        "set -euo pipefail",
        "umask 077",
        ': "${IDENTITY:?set IDENTITY to the file with the age identity}"',
    )
    return "\n".join((*head, *planned.engine.by_hand(manifest, fetch, to)))
