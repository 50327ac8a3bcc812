"""Which moment a drill asks for: the latest, a given one, or one that a seed picks out of the windows. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from drkit.errors import NotRestorable
from drkit.model import Point
from drkit.restore.plan import Window, windows
from drkit.when import misdated


def pick_moment(points: Iterable[Point], seed: str, now: datetime) -> datetime:
    """Any moment from the oldest point to the newest, the same one for the same seed and points: who knows these can
    tell that nobody chose a convenient one."""
    usable = [point for point in points if not misdated(point, now)]
    if not usable:
        raise NotRestorable("there is no point in time to restore", "make a backup first: `drkit backup now`")
    return pick_within(windows(usable), seed, now)


def pick_within(found: Sequence[Window], seed: str, now: datetime) -> datetime:
    """Any moment of the windows, each as likely as any other."""
    if not found:
        raise NotRestorable("there is no moment to restore", "`drkit status` shows what is missing")
    places = [(window.end - window.start) // timedelta.resolution + 1 for window in found]
    chosen = int.from_bytes(sha256(seed.encode()).digest()) % sum(places)
    for window, size in zip(found, places, strict=True):
        if chosen < size:
            return min(window.start + chosen * timedelta.resolution, now)
        chosen -= size
    raise AssertionError("it lies in one of them")
