"""What `drkit status` says: to programs the contract's keys, to the person on call what is wrong and what to do.

It must not know how a standing is judged.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from drkit.cli.console import GREEN, RED
from drkit.cli.status_troubles import find_notes, find_troubles, show
from drkit.cli.text import format_table
from drkit.when import format_length, format_moment

if TYPE_CHECKING:
    from drkit.cli.console import Console
    from drkit.restore.plan import Window
    from drkit.standing import Standing
    from drkit.verify.model import Target

_HEAD = ("", "SOURCE", "CAPTURED", "VERIFIED", "RPO NOW", "RTO", "NEXT BACKUP", "NEXT DRILL")


def describe(standing: "Standing") -> dict[str, Any]:
    verified, window, drill, forecast = standing.verified, standing.window, standing.last_drill, standing.forecast
    return {
        "source": standing.source,
        "captured_at": _moment(standing.captured_at),
        "verified_at": _moment(verified.verified_at) if verified else None,
        "verified_point": {"id": verified.id, "consistent_at": _moment(verified.consistent_at)} if verified else None,
        "rpo": _describe_target(standing.rpo),
        "rto": _describe_target(standing.rto),
        "rto_expected": _seconds(standing.expected),
        "rto_forecast": {"outlook": forecast.outlook, "reason": forecast.reason, "at": _moment(forecast.at)},
        "window": _describe_window(window) if window else None,
        **({"windows": list(map(_describe_window, standing.log.windows))} if standing.log else {}),
        "gaps": [
            {"from": _moment(gap.start), "to": _moment(gap.end)}
            for gap in (standing.log.gaps if standing.log else standing.gaps)
        ],
        "overdue_since": _moment(standing.overdue_since),
        "last_drill": {
            "id": drill.id,
            "scenario": drill.scenario,
            "started_at": _moment(drill.started_at),
            "result": drill.result,
        }
        if drill
        else None,
        "damaged": [{"id": each.id, "consistent_at": _moment(each.consistent_at)} for each in standing.damaged],
        "drill_overdue_since": _moment(standing.drill_overdue_since),
        "next": {"backup": _moment(standing.next_backup), "verify": _moment(standing.next_drill)},
        "troubles": [
            {"what": each.what, "since": _moment(each.since), "next_step": each.next_step}
            for each in find_troubles(standing)
        ],
        "notes": list(find_notes(standing)),
        "healthy": standing.healthy,
    }


def draw(console: "Console", standings: "Sequence[Standing]") -> str:
    """The table, and below it what deserves a look, source by source."""
    parts = [format_table(_HEAD, [_row(console, standing) for standing in standings])]
    for standing in standings:
        for trouble in find_troubles(standing):
            since = f", since {show(trouble.since)}" if trouble.since else ""
            mark = console.paint("!!", RED)
            parts.append(f"{mark}  {standing.source}: {trouble.what}{since}\n      next: {trouble.next_step}")
        parts += [f"    {standing.source}: {note}" for note in find_notes(standing)]
    return "\n".join(parts)


def _row(console: "Console", standing: "Standing") -> tuple[str, ...]:
    verified = standing.verified
    return (
        console.paint("ok", GREEN) if standing.healthy else console.paint("!!", RED),
        standing.source,
        show(standing.captured_at) if standing.captured_at else "none good" if standing.damaged else "never",
        show(verified.verified_at) if verified and verified.verified_at else "not yet",
        _of(standing.rpo),
        _of(standing.rto),
        show(standing.next_backup),
        show(standing.next_drill) if standing.next_drill else "none planned",
    )


def _of(target: "Target") -> str:
    measured = _length(target.measured) if target.measured is not None else "?"
    return f"{measured} of {format_length(target.target)}" if target.target is not None else measured.replace("?", "-")


def _length(value: timedelta) -> str:
    """What took no time at all was not measured: `0s` would raise that doubt."""
    return format_length(max(value, timedelta(seconds=0.1)))


def _moment(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _describe_window(window: "Window") -> dict[str, Any]:
    return {"from": _moment(window.start), "to": _moment(window.end)}


def _describe_target(target: "Target") -> dict[str, Any]:
    return {"target": _seconds(target.target), "measured": _seconds(target.measured), "met": target.met}


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)
