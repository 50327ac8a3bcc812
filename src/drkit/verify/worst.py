"""How long a restore to the farthest moment of the windows would take, by the pace of drills. Pure.

The phases that grow with a backup go in proportion to its size, the replay to the length of the log; all else stays as
it was. What the replay of any log takes, such as the start of a server, is taken to grow, too: a drill of a moment far
from its base tells best, and one of the worst moment itself has measured it.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from drkit.restore.hauls import Haul
from drkit.verify.model import Drill, Worst
from drkit.verify.verdicts import FARTHEST, growing

_REPLAY = "replay"


def foresee_worst(drills: Iterable[Drill], hauls: Sequence[Haul], target: timedelta | None) -> Worst | None:
    """By the drill of each scenario that has replayed most, and the worst of them: one that surely misses the target,
    or else one that nobody can tell. None without a window, or a drill that measured anything."""
    stored = {haul.backup: haul.stored_bytes for haul in hauls}
    telling: dict[str, Drill] = {}
    for drill in sorted(drills, key=lambda drill: (drill.log_bytes or 0, drill.started_at)):
        if drill.rto.measured is not None and drill.log_bytes:
            telling[drill.scenario] = drill
    found = [
        Worst(haul.at, haul.backup, haul.log_bytes, _take(drill, stored.get(drill.backup or "", 0), haul))
        for drill in telling.values()
        for haul in hauls
    ]
    return max(
        found,
        key=lambda worst: (
            misses(worst, target),
            worst.expected is None,
            worst.expected or timedelta(0),
            worst.log_bytes,
        ),
        default=None,
    )


def misses(worst: Worst | None, target: timedelta | None) -> bool:
    return bool(worst and target and worst.expected and worst.expected > target)


def _take(drill: Drill, stored_bytes: int, haul: Haul) -> timedelta | None:
    """None where it is too far from what the drill did to be told. `stored_bytes` are what the drill fetched, where
    that is still there."""
    measured, log = drill.rto.measured or timedelta(0), drill.log_bytes or 0
    fetched = stored_bytes or drill.stored_bytes
    if not fetched or haul.stored_bytes > FARTHEST * fetched or haul.log_bytes > FARTHEST * log:
        return None
    grows = growing(drill)
    replay = sum((timedelta(seconds=taken) for name, taken in drill.phases if name == _REPLAY), timedelta(0))
    replay = min(replay, measured - grows)
    return measured + grows * (haul.stored_bytes / fetched - 1) + replay * (haul.log_bytes / log - 1)
