"""One state tried: restored to a scratch place as a drill restores it, and asked whether it is good.

It leaves no evidence, as a bad state refutes no backup. It must not know which one is tried next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drkit.bisect.halving import Verdict, conclude, next_probe
from drkit.errors import NotRestorable
from drkit.model import Check
from drkit.ports import Clock, Engine, Store
from drkit.sealing import Keyring, Progress, no_progress
from drkit.verify.drill import STORED_OBJECTS, Orders, run_drill
from drkit.verify.model import Drill


@dataclass(frozen=True, slots=True)
class Trial:
    """`why` says what was wrong, if anything was. `checks` are the user's own. `its_fault`: that it is unknown is due
    to what is stored of it, and not to where it was tried."""

    moment: datetime
    backup: str | None
    verdict: Verdict
    checks: tuple[Check, ...]
    why: str
    took: timedelta
    its_fault: bool = True


@dataclass(frozen=True, slots=True)
class Search:
    """`trials` by the number of their candidate."""

    candidates: Sequence[datetime]
    trials: dict[int, Trial]

    @property
    def last_good(self) -> Trial | None:
        return self._at(conclude(self._known).last_good)

    @property
    def first_bad(self) -> Trial | None:
        return self._at(conclude(self._known).first_bad)

    @property
    def _known(self) -> dict[int, Verdict]:
        return {number: trial.verdict for number, trial in self.trials.items()}

    def _at(self, number: int | None) -> Trial | None:
        return None if number is None else self.trials[number]


def search(candidates: Sequence[datetime], attempt: Callable[[datetime], Trial], *, linear: bool) -> Search:
    """`attempt` may be interrupted: what it raises passes through. NotRestorable if not even the first ones can be
    tried here, for lack of room or of a key perhaps: then no other could be."""
    found = Search(candidates, {})
    known: dict[int, Verdict] = {}
    while (number := next_probe(len(candidates), known, linear=linear)) is not None:
        trial = found.trials[number] = attempt(candidates[number])
        known[number] = trial.verdict
        if set(known.values()) == {"unknown"} and not trial.its_fault:
            raise NotRestorable(
                f"no state can be tried here: {trial.why}", "mend that first; `drkit check` may tell more"
            )
    return found


def attempt(
    orders: Orders,
    moment: datetime,
    exact: bool,
    store: Store,
    engine: Engine,
    keyring: Keyring,
    clock: Clock,
    progress: Progress = no_progress,
    redact: Callable[[str], str] = str,
) -> Trial:
    """With `exact` that very state is wanted, and not an older one, should it have been pruned meanwhile."""
    ended = run_drill(replace(orders, wanted=moment, proving=False), store, engine, keyring, clock, progress, redact)
    if ended.raised:
        raise ended.raised
    return judge_trial(ended.drill, moment, exact, {each.name for each in orders.questions})


def judge_trial(drill: Drill, moment: datetime, exact: bool, asked: set[str]) -> Trial:
    checks = tuple(check for check in drill.checks if check.name in asked)
    outcomes = {check.outcome for check in checks}
    verdict: Verdict = "good"
    why, damaged = drill.error, any(check.name == STORED_OBJECTS for check in drill.checks)
    gone = exact and drill.reached is not None and drill.reached != moment
    if drill.reached is None or gone:
        verdict, why = "unknown", why or "this point is gone"
    elif "failed" in outcomes:
        verdict, why = "bad", next(tell(check) for check in checks if check.outcome == "failed")
    elif drill.error or not checks or "not testable" in outcomes:
        verdict = "unknown"
    return Trial(moment, drill.backup, verdict, checks, why, drill.ended_at - drill.started_at, damaged or gone)


def tell(check: Check) -> str:
    return f"{check.name}: expected {check.expected}, found {check.actual}"
