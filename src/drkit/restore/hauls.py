"""What a restore along a log has to fetch and to replay, and which moments of the windows take most. Pure: it looks at
the same ways as the plans do. It must not know how long anything takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from drkit.restore.journey import Journey
from drkit.restore.reach import Way


@dataclass(frozen=True, slots=True)
class Haul:
    """To be had at `at`: `backup` with all that it is incremental to, `stored_bytes` together, and the log since."""

    at: datetime
    backup: str
    stored_bytes: int
    log_bytes: int


def haul_of(journey: Journey) -> Haul:
    way, moment = journey.way, journey.moment
    if journey.lsn is not None or moment is None:
        return _haul(way, way.until or way.since, journey.lsn or way.stretch.end)
    return _haul(way, moment, _position(way, moment))


def farthest_hauls(ways: Sequence[Way]) -> list[Haul]:
    """Of each way the last moment that it is taken for: from then on a newer base of the same timeline is nearer."""
    found = []
    for _, group in groupby(ways, key=lambda way: (way.stretch.system, way.stretch.timeline, way.stretch.begin)):
        of_one = [way for way in group if way.until is not None]
        for number, way in enumerate(of_one):
            later = next((each for each in of_one[number + 1 :] if each.since > way.since), None)
            until = way.until or way.since
            if later and later.since <= until:
                at = later.since - timedelta.resolution
                found.append(_haul(way, at, max(later.held.base.stop, _position(way, at))))
            else:
                end = way.stretch.end if until == way.stretch.until else _position(way, until)
                found.append(_haul(way, until, end))
    return found


def _haul(way: Way, at: datetime, position: int) -> Haul:
    base = way.held.base
    begin = base.start - base.start % base.wal_segment_bytes  # a file of log is read from its beginning
    stored = sum(held.point.stored_bytes for held in way.chain)
    return Haul(at, way.held.point.id, stored, max(position, base.stop) - begin)


def _position(way: Way, moment: datetime) -> int:
    """Where the log tells of that moment, as far as its spans can say."""
    own = way.stretch.timeline
    ends = (span.end for span in way.stretch.spans if span.timeline == own and span.covered_until >= moment)
    return min(ends, default=way.stretch.end)
