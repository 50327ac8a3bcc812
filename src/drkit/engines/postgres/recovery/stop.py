"""Where a server's recovery is to stop, so that it neither fails for a target that never comes nor passes one silently.

A server refuses to start when nothing in the log is later than the time it was given, and takes one that is earlier
than its backup's end for that end, without a word: so the log is looked at first. It starts nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from drkit.engines.postgres.recovery.records import PAGE, Ending, RestorePoint
from drkit.engines.postgres.recovery.wal import WalReader
from drkit.errors import NotRestorable
from drkit.lsn import format_lsn
from drkit.restore.journey import Journey
from drkit.restore.stretch import Stretch
from drkit.when import format_moment

# How far before the place that a moment must lie in: while a follower catches up, spans know an older moment only.
_MARGIN = 64 << 20


@dataclass(frozen=True, slots=True)
class Stop:
    """`settings` are the server's own, empty where it shall replay all there is. No transaction that ended later than
    `not_after` may be in what it has replayed then."""

    settings: Mapping[str, str]
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A record that somebody asked for by name: its position."""

    lsn: int
    moment: datetime


def find_stop(journey: Journey, wal: WalReader, *, pausing: bool) -> Stop:
    """A server pauses at a target only, so with `pausing` the end of the log is one."""
    stretch, base = journey.way.stretch, journey.way.held.base
    if journey.moment is not None:
        start = _look_from(stretch, journey.moment, base.stop)
        for record in wal.records(start, stretch.end):
            if isinstance(record, Ending) and record.moment > journey.moment:
                if record.start < base.stop:
                    raise NotRestorable(
                        f"the base backup {journey.way.held.point.id} holds a transaction that ended at"
                        f" {format_moment(record.moment)}, after {format_moment(journey.moment)}",
                        "choose a later time, or one before that backup began",
                    )
                return Stop({"recovery_target_time": _spell(journey.moment)}, journey.moment)
    elif journey.lsn is not None and any(
        record.start >= journey.lsn for record in wal.records(journey.lsn - journey.lsn % PAGE, stretch.end)
    ):
        return _at(journey.lsn, journey.inclusive)
    if pausing:
        last = max(record.start for record in wal.records(_page(base.start), stretch.end))
        return Stop(_at(last, inclusive=True).settings, journey.moment)
    return Stop({}, journey.moment)


def find_place(
    stretch: Stretch, wal: WalReader, *, name: str | None = None, transaction: int | None = None
) -> Place | None:
    """The last restore point of that name, or the end of that transaction."""
    found: Place | None = None
    for record in wal.records(stretch.begin, stretch.end):
        if (isinstance(record, RestorePoint) and record.name == name) or (
            isinstance(record, Ending) and record.transaction == transaction
        ):
            found = Place(record.start, record.moment)
    return found


def _at(lsn: int, inclusive: bool) -> Stop:
    settings = {"recovery_target_lsn": format_lsn(lsn), "recovery_target_inclusive": "on" if inclusive else "off"}
    return Stop(settings, None)


def _look_from(stretch: Stretch, moment: datetime, stop: int) -> int:
    """What was on the server's disk by `moment` lies before the end of the first span that covers it, and what lies
    well before the first span that knew as much as the ones before that is older."""
    spans = [span for span in stretch.spans if span.timeline == stretch.timeline and span.size]
    covering = min((span.end for span in spans if span.covered_until >= moment), default=stretch.end)
    before = [span.covered_until for span in spans if span.end < covering]
    known = max(before, default=None)
    start = min((span.start for span in spans if known and span.covered_until >= known), default=stretch.begin)
    return _page(max(min(start, covering) - _MARGIN, stop - PAGE, stretch.begin))


def _page(position: int) -> int:
    return position - position % PAGE


def _spell(moment: datetime) -> str:
    """Without a zone the server would read it in its own, and it does not know a `Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
