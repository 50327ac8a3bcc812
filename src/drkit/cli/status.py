"""`drkit status`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from drkit.cli.call import Call, each_source
from drkit.cli.console import GREEN, RED
from drkit.cli.text import format_table
from drkit.errors import ObjectiveMissed

if TYPE_CHECKING:
    from drkit.standing import Standing
    from drkit.wiring import Source


def status(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="SYSTEM or SYSTEM/SOURCE.")] = None,
) -> int:
    """How every source stands now. Ends with 8 when a promise is broken or a backup is overdue.

    Examples:  drkit status  |  drkit status shop  |  drkit status --json
    """
    call: Call = context.obj
    standings, failed = each_source(call, call.select([name] if name else None), _judge)
    document = {"sources": [_describe(source, standing) for source, standing in standings]}
    rows = [_row(call, standing) for _, standing in standings]
    head = ("", "SOURCE", "CAPTURED", "VERIFIED", "RPO NOW", "PROMISED", "NEXT BACKUP", "")
    call.console.answer(document | failed.told, format_table(head, rows))
    broken = any(not standing.healthy for _, standing in standings)
    return failed.exit_code or (ObjectiveMissed.exit_code if broken else 0)


def _judge(source: "Source") -> "Standing":
    from drkit.catalog import survey
    from drkit.standing import judge_standing
    from drkit.wiring import clock

    points = survey(source.store(), source.name).points
    table, zone = source.table, source.system.table.timezone
    return judge_standing(source.name, points, table.backup, zone, table.objectives.rpo, clock())


def _describe(source: "Source", standing: "Standing") -> dict[str, Any]:
    from drkit.when import format_moment

    window, rto = standing.window, source.table.objectives.rto
    return {
        "source": standing.source,
        "captured_at": format_moment(standing.captured_at) if standing.captured_at else None,
        "verified_at": format_moment(standing.verified_at) if standing.verified_at else None,
        "rpo": {
            "target": standing.rpo_objective.total_seconds() if standing.rpo_objective else None,
            "measured": standing.rpo.total_seconds() if standing.rpo is not None else None,
            "met": standing.rpo_met,
        },
        "rto": {"target": rto.total_seconds() if rto else None, "measured": None, "met": None},
        "window": {"from": format_moment(window.start), "to": format_moment(window.end)} if window else None,
        "gaps": [],
        "overdue_since": format_moment(standing.overdue_since) if standing.overdue_since else None,
        "next": {"backup": format_moment(standing.next_backup)},
        "healthy": standing.healthy,
    }


def _row(call: Call, standing: "Standing") -> tuple[str, ...]:
    from drkit.when import format_length, format_moment

    if standing.captured_at is None:
        trouble = "never captured"
    elif standing.overdue_since:
        trouble = f"overdue since {format_moment(standing.overdue_since)}"
    else:
        trouble = "" if standing.healthy else "RPO missed"
    return (
        call.console.paint("ok", GREEN) if standing.healthy else call.console.paint("!!", RED),
        standing.source,
        format_moment(standing.captured_at) if standing.captured_at else "never",
        format_moment(standing.verified_at) if standing.verified_at else "not yet",
        format_length(standing.rpo) if standing.rpo is not None else "-",
        format_length(standing.rpo_objective) if standing.rpo_objective else "-",
        format_moment(standing.next_backup),
        trouble,
    )
