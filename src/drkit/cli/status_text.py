"""What `drkit status` says to the person on call: a table, what is wrong, and what to do.

It must not know how a standing is judged.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from drkit.cli.console import GREEN, RED
from drkit.cli.text import format_table
from drkit.troubles import find_notes, find_troubles, show
from drkit.when import format_length

if TYPE_CHECKING:
    from drkit.cli.console import Console
    from drkit.standing import Standing
    from drkit.troubles import Trouble
    from drkit.verify.model import Target

_HEAD = ("", "SOURCE", "CAPTURED", "VERIFIED", "RPO NOW", "RTO", "NEXT BACKUP", "NEXT DRILL")


def draw(console: "Console", standings: "Sequence[Standing]", systems: "Mapping[str, Iterable[Trouble]]") -> str:
    """The table, and below it what deserves a look, source by source, and then of whole systems."""
    parts = [format_table(_HEAD, [_row(console, standing) for standing in standings])]
    for standing in standings:
        parts += [_trouble(console, standing.source, trouble) for trouble in find_troubles(standing)]
        parts += [f"    {standing.source}: {note}" for note in find_notes(standing)]
    for system, troubles in systems.items():
        parts += [_trouble(console, system, trouble) for trouble in troubles]
    return "\n".join(parts)


def _trouble(console: "Console", subject: str, trouble: "Trouble") -> str:
    since = f", since {show(trouble.since)}" if trouble.since else ""
    return f"{console.paint('!!', RED)}  {subject}: {trouble.what}{since}\n      next: {trouble.next_step}"


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
