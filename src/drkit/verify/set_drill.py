"""The drill of a whole system: its sources restored one after the other, until all of them stand at once and are asked
together. Each is drilled by the code that drills one; the set's own evidence names theirs.

It must not know where evidence goes, nor how a source is restored.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drkit import __version__, catalog
from drkit.model import Answer, Check
from drkit.ports import Clock, Engine, Store
from drkit.restore.together import measure_spread, variable_of
from drkit.sealing import Keyring, Progress
from drkit.verify.drill import Ended, Orders, run_drill
from drkit.verify.model import Drill, Link, Member, Scenario, Target
from drkit.verify.questions import Question, put_question
from drkit.verify.verdicts import judge_result, judge_rto

_CHECK = "check"


@dataclass(frozen=True, slots=True)
class Part:
    """One source of the set, with what it takes to drill it."""

    orders: Orders
    store: Store
    engine: Engine
    keyring: Keyring

    @property
    def key(self) -> str:
        return self.orders.source.partition("/")[2]


@dataclass(frozen=True, slots=True)
class SetOrders:
    """What is asked of the set besides what is asked of each source. `questions` are commands."""

    system: str
    scenario: Scenario
    wanted: datetime | None
    rto: timedelta | None
    skew: timedelta | None
    questions: tuple[Question, ...]
    token: str
    correlation_id: str


@dataclass
class SetRun:
    """How it went. `members` are the drills that came to an end, in the order of the parts; `raised` is what stopped
    them from outside, still to be raised once the evidence is stored."""

    orders: SetOrders
    started_at: datetime
    ended_at: datetime
    members: list[Drill] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    measured: timedelta | None = None
    checked: float = 0.0
    raised: BaseException | None = None


def run_set(
    orders: SetOrders,
    parts: Sequence[Part],
    clock: Clock,
    progress: Progress,
    redact: Callable[[str], str],
) -> SetRun:
    """A source that does not come back keeps none of the others from being drilled, but the set from being asked."""
    run = SetRun(orders, clock(), clock())
    began = time.monotonic()
    ended: dict[int, Ended] = {}
    targets: dict[str, str] = {}

    def stand(number: int) -> None:
        if number == len(parts):
            _ask(run, parts, targets, redact)
            if len(targets) == len(parts) and all(check.outcome == "passed" for check in run.checks):
                run.measured = timedelta(seconds=time.monotonic() - began)
            return
        part = parts[number]

        def standing(target: str) -> None:
            targets[part.key] = target
            stand(number + 1)

        ended[number] = run_drill(part.orders, part.store, part.engine, part.keyring, clock, progress, redact, standing)
        if raised := ended[number].raised:
            raise raised
        if part.key not in targets:
            stand(number + 1)

    try:
        stand(0)
    except BaseException as error:  # noqa: BLE001  an interrupt, or a bug: both leave evidence, and are raised after it
        run.raised = error
    run.members = [ended[number].drill for number in sorted(ended)]
    run.ended_at = max(clock(), run.started_at)
    return run


def judge_set(run: SetRun, links: Sequence[Link], redact: Callable[[str], str] = str) -> Drill:
    """The drill of the set, which names each member's evidence by its link. Its RTO is that of all of it."""
    orders, members = run.orders, run.members
    reached = {each.source: each.reached for each in members if each.reached}
    whole = len(reached) == len(members) > 0
    spread = measure_spread(reached) if whole else None
    skew = _judge_skew(orders.skew, spread.skew if spread else None)
    good = all(each.rto.measured is not None for each in members)
    rto = judge_rto(orders.rto, run.measured if good else None)
    distances = [each.rpo.measured for each in members if each.rpo.measured is not None]
    rpo = Target(None, max(distances, default=None), None)
    checks = (*map(_as_check, members), *run.checks)
    error = f"stopped by {type(run.raised).__name__}: {run.raised}".rstrip(": ") if run.raised else ""
    result = "aborted" if run.raised else judge_result(error, checks, rto, skew)
    return Drill(
        id=catalog.make_id(run.started_at, orders.token),
        source=catalog.set_of(orders.system),
        scenario=orders.scenario,
        started_at=run.started_at,
        ended_at=run.ended_at,
        backup=None,
        wanted=orders.wanted,
        reached=spread.oldest[1] if spread else None,
        seed=None,
        result=result,
        error=redact(error),
        rto=rto,
        rpo=rpo,
        phases=(*((each.source.partition("/")[2], _until_standing(each)) for each in members), (_CHECK, run.checked)),
        checks=checks,
        stored_bytes=sum(each.stored_bytes for each in members),
        restored_bytes=sum(each.restored_bytes for each in members),
        objects=(),
        tools={},
        clock_offset=None,
        settings_that_differ={},
        disposed=all(each.disposed for each in members),
        correlation_id=orders.correlation_id,
        drkit_version=__version__,
        members=tuple(
            Member(each.source, each.id, link.sha256, each.backup, each.reached, each.result)
            for each, link in zip(members, links, strict=True)
        ),
        skew=skew,
    )


def _ask(run: SetRun, parts: Sequence[Part], targets: Mapping[str, str], redact: Callable[[str], str]) -> None:
    """The set's own questions, where everything stands."""
    lacking = [part.key for part in parts if part.key not in targets]
    began = time.monotonic()
    for question in run.orders.questions:
        if lacking:
            found = Check(
                question.name, "not testable", "ended with status 0", f"{' and '.join(lacking)} did not come back"
            )
        else:
            found = put_question(question, _no_sql, _facts(run, parts, targets), redact)
        run.checks.append(found)
    run.checked = round(time.monotonic() - began, 6)


def _facts(run: SetRun, parts: Sequence[Part], targets: Mapping[str, str]) -> dict[str, str]:
    """The variables that lead to the sources lead to the restored copies meanwhile."""
    facts = {"DRKIT_SYSTEM": run.orders.system}
    for part in parts:
        facts |= dict.fromkeys((variable_of(part.key), *part.orders.aliases), targets[part.key])
    return facts


def _no_sql(_question: str, _timeout: timedelta) -> Answer:
    raise AssertionError("the configuration has seen to it")


def _judge_skew(target: timedelta | None, measured: timedelta | None) -> Target:
    met = None if target is None or measured is None else measured <= target
    return Target(target, measured, met)


def _as_check(drill: Drill) -> Check:
    wrong = [f"{each.name}: {each.actual}" for each in drill.checks if each.outcome == "failed"]
    missed = [name for name, each in (("RTO", drill.rto), ("RPO", drill.rpo)) if each.met is False]
    why = "; ".join(filter(None, (drill.error, *wrong, *(f"{name} missed" for name in missed))))
    said = f"{drill.result}: {why}" if why else drill.result
    return Check(drill.source, "passed" if drill.passed else "failed", "passed", said)


def _until_standing(drill: Drill) -> float:
    return round(sum(taken for name, taken in drill.phases if name != "dispose"), 6)
