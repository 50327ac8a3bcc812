"""What `drkit status` says: to programs the contract's keys, to the person on call what is wrong and what to do.

It must not know how a standing is judged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from drkit.cli.console import GREEN, RED
from drkit.cli.text import format_table
from drkit.when import format_length, format_moment

if TYPE_CHECKING:
    from drkit.cli.console import Console
    from drkit.standing import Standing
    from drkit.verify.model import Drill, Target

_HEAD = ("", "SOURCE", "CAPTURED", "VERIFIED", "RPO NOW", "RTO", "NEXT BACKUP", "NEXT DRILL")
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Trouble:
    what: str
    since: datetime | None
    next_step: str


def find_troubles(standing: "Standing") -> Iterator[Trouble]:
    """At least one if the source is not healthy, and none if it is."""
    name, captured_at, drill = standing.source, standing.captured_at, standing.last_drill
    capture = f"`drkit backup now {name}` makes one or says why it cannot; then look why its schedule did not run"
    again = f"`drkit verify now {name}` runs it again"
    if captured_at is None:
        yield Trouble("nothing was ever captured", None, f"`drkit check`, and then `drkit backup now {name}`")
        return
    if due := standing.overdue_since:
        yield Trouble("a backup is overdue", due, capture)
    if standing.rpo.met is False and standing.rpo.target is not None:
        what = f"RPO missed: what would be lost now is {_against(standing.rpo)}"
        yield Trouble(what, captured_at + standing.rpo.target, capture)
    if drill and standing.drill_failed:
        yield Trouble(f"the last drill failed: {_why(drill)}", drill.started_at, again)
    if drill and standing.rto.met is False:
        what = f"RTO missed: the last drill took {_against(standing.rto)}"
        yield Trouble(what, drill.started_at, f"see which phase of {drill.id} took long; {again}")
    if due := standing.drill_overdue_since:
        yield Trouble("a planned drill did not run", due, f"`drkit verify now {name}` runs it now")
    for doubt in standing.doubts:
        yield Trouble(f"evidence cannot be believed: {doubt}", None, f"`drkit evidence verify all {name}` shows more")


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
        "window": {"from": _moment(window.start), "to": _moment(window.end)} if window else None,
        "gaps": [{"from": _moment(gap.start), "to": _moment(gap.end)} for gap in standing.gaps],
        "overdue_since": _moment(standing.overdue_since),
        "last_drill": {
            "id": drill.id,
            "scenario": drill.scenario,
            "started_at": _moment(drill.started_at),
            "result": drill.result,
        }
        if drill
        else None,
        "drill_overdue_since": _moment(standing.drill_overdue_since),
        "next": {"backup": _moment(standing.next_backup), "verify": _moment(standing.next_drill)},
        "troubles": [
            {"what": each.what, "since": _moment(each.since), "next_step": each.next_step}
            for each in find_troubles(standing)
        ],
        "healthy": standing.healthy,
    }


def draw(console: "Console", standings: "Sequence[Standing]") -> str:
    """The table, and below it what deserves a look, source by source."""
    parts = [format_table(_HEAD, [_row(console, standing) for standing in standings])]
    for standing in standings:
        for trouble in find_troubles(standing):
            since = f", since {_shown(trouble.since)}" if trouble.since else ""
            mark = console.paint("!!", RED)
            parts.append(f"{mark}  {standing.source}: {trouble.what}{since}\n      next: {trouble.next_step}")
        parts += [f"    {standing.source}: {note}" for note in _notes(standing)]
    return "\n".join(parts)


def _notes(standing: "Standing") -> Iterator[str]:
    """What breaks no promise yet."""
    expected, promised, ahead = standing.expected, standing.rto.target, standing.forecast
    if standing.gaps:
        widest = max(standing.gaps, key=lambda gap: gap.length)
        many = f"{len(standing.gaps)} past {'gap was' if len(standing.gaps) == 1 else 'gaps were'} wider than promised"
        yield f"{many}, the widest from {_shown(widest.start)} to {_shown(widest.end)}"
    if expected and promised and expected > promised and standing.rto.met:
        yield f"the newest point would take {format_length(expected)} to restore, {format_length(promised)} is promised"
    if ahead.outlook == "missed later" and ahead.at:
        yield f"at its present growth the RTO will be missed from {ahead.at:%Y-%m-%d} on"


def _row(console: "Console", standing: "Standing") -> tuple[str, ...]:
    verified = standing.verified
    return (
        console.paint("ok", GREEN) if standing.healthy else console.paint("!!", RED),
        standing.source,
        _shown(standing.captured_at) if standing.captured_at else "never",
        _shown(verified.verified_at) if verified and verified.verified_at else "not yet",
        _of(standing.rpo),
        _of(standing.rto),
        _shown(standing.next_backup),
        _shown(standing.next_drill) if standing.next_drill else "none planned",
    )


def _of(target: "Target") -> str:
    measured = _length(target.measured) if target.measured is not None else "?"
    return f"{measured} of {format_length(target.target)}" if target.target is not None else measured.replace("?", "-")


def _length(value: timedelta) -> str:
    """What took no time at all was not measured: `0s` would raise that doubt."""
    return format_length(max(value, timedelta(seconds=0.1)))


def _against(target: "Target") -> str:
    measured = format_length(target.measured) if target.measured is not None else "unknown"
    return f"{measured}, and {format_length(target.target or timedelta(0))} was promised"


def _why(drill: "Drill") -> str:
    failed = [check for check in drill.checks if check.outcome == "failed"]
    parts = [drill.error] if drill.error else []
    parts += [f"{check.name}: expected {check.expected}, found {check.actual}" for check in failed]
    if drill.rpo.met is False:
        parts.append(f"it came back too far from what was asked: {_against(drill.rpo)}")
    told = "; ".join(parts) or "nothing in it could be tested"
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"


def _shown(moment: datetime) -> str:
    return format_moment(moment.replace(microsecond=0))


def _moment(moment: datetime | None) -> str | None:
    return format_moment(moment) if moment else None


def _describe_target(target: "Target") -> dict[str, Any]:
    return {"target": _seconds(target.target), "measured": _seconds(target.measured), "met": target.met}


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)
