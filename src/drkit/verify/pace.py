"""How long a restore of the newest point takes, as far as drills have shown, against what was promised. Pure.

It must not know what is said about it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from drkit.verify.model import Drill, Target
from drkit.verify.verdicts import judge_rto, scale_rto


@dataclass(frozen=True, slots=True)
class Pace:
    """`drill` is the one that tells. `expected` is what it would have taken for the newest point, None where nobody can
    say: then a promise may be broken by what was measured, and never be met by it."""

    drill: Drill | None
    rto: Target
    expected: timedelta | None


def overran(drill: Drill, target: timedelta) -> timedelta | None:
    """How long a drill had run that was stopped after the target was missed: how long it would have taken is unknown,
    but that it was too long is not."""
    removal = sum(taken for name, taken in drill.phases if name == "dispose")
    ran = drill.ended_at - drill.started_at - timedelta(seconds=removal)
    return ran if drill.result == "aborted" and ran > target else None


def judge_pace(target: timedelta | None, drills: Iterable[Drill], stored_bytes: int | None) -> Pace:
    """By the last drill of each scenario that can tell, and the worst of them, as a promise knows no scenarios. A drill
    of a point far smaller than `stored_bytes`, the newest point's, hides none of a larger one."""
    telling = [drill for drill in drills if drill.result in ("passed", "failed") or _stopped_late(drill, target)]
    newest_first = sorted(telling, key=lambda drill: drill.started_at, reverse=True)
    scenarios = list(dict.fromkeys(drill.scenario for drill in newest_first))
    paces = [
        _judge([drill for drill in newest_first if drill.scenario == scenario], target, stored_bytes)
        for scenario in scenarios
    ]
    missed = (pace for pace in paces if pace.rto.met is False)
    return next(missed, paces[0] if paces else Pace(None, judge_rto(target, None), None))


def _judge(newest_first: Sequence[Drill], target: timedelta | None, stored_bytes: int | None) -> Pace:
    last = newest_first[0]
    drill = next((each for each in newest_first if _compares(each, stored_bytes)), last)
    if target and (ran := overran(drill, target)):
        return Pace(drill, judge_rto(target, ran), None)
    rto = judge_rto(target, drill.rto.measured)
    if stored_bytes is None:
        return Pace(drill, rto, None)
    expected = scale_rto(drill, stored_bytes)
    if rto.met and target is not None:
        rto = Target(target, rto.measured, None if expected is None else expected <= target)
    return Pace(drill, rto, expected)


def _compares(drill: Drill, stored_bytes: int | None) -> bool:
    """A drill that measured nothing speaks for itself, whatever its size: the restore did not come to its end."""
    return stored_bytes is None or drill.rto.measured is None or scale_rto(drill, stored_bytes) is not None


def _stopped_late(drill: Drill, target: timedelta | None) -> bool:
    return target is not None and overran(drill, target) is not None
