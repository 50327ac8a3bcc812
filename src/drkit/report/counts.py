"""How many of a month's planned backups and drills came to be, and which did not. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from drkit.model import Point
from drkit.report.model import Backups, Drills, Known
from drkit.verify.model import Drill
from drkit.verify.slots import Slot, answered, for_drills


def count_backups(
    known: Known, slots: Sequence[Slot], around: Sequence[Point], points: int, now: datetime
) -> tuple[Backups, list[Slot]]:
    """With the runs that were missed. A source is asked for nothing before its first point."""
    begun = min((point.consistent_at for point in around), default=None)
    asked = [slot for slot in slots if begun is None or slot.end > begun]
    done = answered(asked, (point.consistent_at for point in around))
    blank = [slot for index, slot in enumerate(asked) if index not in done]
    over = [slot for slot in blank if slot.end <= now]
    missed = [slot for slot in over if known.complete_since is None or slot.start >= known.complete_since]
    return Backups(len(asked), len(done), len(missed), len(over) - len(missed), len(blank) - len(over), points), missed


def count_drills(
    slots: Sequence[Slot], drills: Sequence[Drill], drilled: Sequence[Drill], now: datetime
) -> tuple[Drills, tuple[datetime, ...], list[Slot]]:
    """With the moments of all that were due and never ran, and those of them that left no evidence.
    `drilled` are the drills of the month; one that was planned for its last day may have begun after it."""
    windows = for_drills(slots)
    began = [drill.started_at for drill in drills if drill.result != "missed"]
    told = answered(windows, (drill.started_at for drill in drills if drill.result == "missed"))
    done = answered(windows, began)
    blank = [index for index in range(len(windows)) if index not in done]
    missed = [index for index in blank if index in told or windows[index].end <= now]
    results = Counter(drill.result for drill in drilled)
    run = len(drilled) - results["missed"]
    on_time = answered(windows, (drill.started_at for drill in drilled if drill.result != "missed"))
    counted = Drills(
        planned=len(windows),
        run=run,
        passed=results["passed"],
        failed=results["failed"],
        aborted=results["aborted"],
        missed=len(missed),
        due=len(blank) - len(missed),
        by_hand=run - len(on_time),
    )
    moments = tuple(windows[index].start for index in missed)
    return counted, moments, [windows[index] for index in missed if index not in told]
