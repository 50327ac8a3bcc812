"""One drill: a backup restored as a person would restore it, to a place that is thrown away; looked at, timed, judged.

It reaches nothing but the store, the engine and the keys that it is handed. It must not know where evidence goes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from drkit import __version__, catalog
from drkit.errors import DrkitError, IntegrityError, UnknownFormat, WrongKey
from drkit.model import Check, Manifest, Scratch, Wishes
from drkit.ports import Clock, Engine, Store
from drkit.prune.removals import find_whole_since
from drkit.restore.plan import RestorePlan
from drkit.restore.planning import ContinuousEngine, plan_ahead, reachable
from drkit.restore.run import restore
from drkit.sealing import Keyring, Progress, find_openers, loading, no_progress
from drkit.verify.model import Drill, Scenario, Target
from drkit.verify.moment import pick_moment, pick_within
from drkit.verify.questions import Question, put_question
from drkit.verify.verdicts import judge_result, judge_rpo, judge_rto
from drkit.when import format_moment

STORED_OBJECTS = "stored objects"
_WISHES = Wishes(compare="off", tolerant=True)
_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Orders:
    """What is to be drilled. `wanted` None is the latest point; with a `seed` the moment is picked by it. `aliases` are
    variables that lead to the source: for the user's commands they lead to the restored copy. Without `proving` only
    the user's questions are put to what was restored."""

    source: str
    scenario: Scenario
    wanted: datetime | None
    seed: str | None
    rto: timedelta | None
    rpo: timedelta | None
    questions: tuple[Question, ...]
    token: str
    correlation_id: str
    aliases: tuple[str, ...] = ()
    proving: bool = True


Standing = Callable[[str], None]


def _unwatched(_: str) -> None:
    """Nobody needs the restored copy besides."""


@dataclass(frozen=True, slots=True)
class Ended:
    """`raised` is what stopped the drill from outside; it is still to be raised, once the evidence is stored."""

    drill: Drill
    raised: BaseException | None


@dataclass
class _Record:
    """What is known of the drill so far."""

    started_at: datetime
    began: float = field(default_factory=time.monotonic)
    wanted: datetime | None = None
    plan: RestorePlan | None = None
    manifests: tuple[Manifest, ...] = ()
    scratch: Scratch | None = None
    measured: timedelta | None = None
    phases: list[tuple[str, float]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    thinned: bool = False
    left_out: str = ""
    restored: bool = False
    disposed: bool = True
    error: str = ""
    opened_with: tuple[str, ...] = ()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.phases.append((name, round(time.monotonic() - began, 6)))

    @contextmanager
    def disposing(self) -> Iterator[ExitStack]:
        """Whatever was entered is left again. Where that fails too, neither what went wrong before it is forgotten,
        nor an interrupt."""
        life = ExitStack()
        try:
            yield life
        except DrkitError as error:
            self.fail(error)
        finally:
            self.disposed = False
            with self.timed("dispose"):
                self._dispose(life)

    def _dispose(self, life: ExitStack) -> None:
        try:
            life.close()
        except DrkitError as error:
            self.fail(error)
        else:
            self.disposed = True

    def fail(self, error: DrkitError) -> None:
        self.tell(f"{error} ({error.hint})" if error.hint else str(error))
        # neither a key that opens nothing nor a drkit that is too old says anything about what was captured
        if isinstance(error, IntegrityError) and not isinstance(error, WrongKey | UnknownFormat):
            self.checks.append(Check(STORED_OBJECTS, "failed", "whole, and signed for their places", str(error)))

    def tell(self, error: str) -> None:
        self.error = f"{self.error}; {error}" if self.error else error


def run_drill(
    orders: Orders,
    store: Store,
    engine: Engine,
    keyring: Keyring,
    clock: Clock,
    progress: Progress = no_progress,
    redact: Callable[[str], str] = str,
    standing: Standing = _unwatched,
) -> Ended:
    """`standing` is called with the target of the restored copy once it was looked at and timed, and before it is
    removed. It raises nothing but what is to stop the drill."""
    record = _Record(clock(), wanted=orders.wanted)
    raised: BaseException | None = None
    try:
        _carry_out(orders, record, store, engine, keyring, progress, redact, standing)
    except DrkitError as error:
        record.fail(error)
    except BaseException as error:  # noqa: BLE001  an interrupt, or a bug: both leave evidence, and are raised after it
        raised = error
        record.tell(f"stopped by {type(error).__name__}: {error}".rstrip(": "))
    return Ended(_judge(orders, record, clock(), redact, aborted=raised is not None), raised)


def _carry_out(
    orders: Orders,
    record: _Record,
    store: Store,
    engine: Engine,
    keyring: Keyring,
    progress: Progress,
    redact: Callable[[str], str],
    standing: Standing,
) -> None:
    with record.timed("plan"):
        if orders.seed is not None:
            record.wanted = _pick(orders, store, engine, keyring, record.started_at)

        def hear(plan: RestorePlan) -> None:
            record.plan = plan
            record.thinned = _is_thinned(store, orders.source, keyring, record)

        planned = plan_ahead(store, orders.source, engine, record.wanted, record.started_at, keyring, hear)
        engine = planned.engine
        record.manifests = planned.manifests
        manifest = planned.manifest
    load = loading(store, keyring)
    with record.disposing() as life:
        with record.timed("provision"):
            record.scratch = scratch = life.enter_context(engine.scratch(manifest, load))
        _restore(record, store, engine, keyring, scratch.target, progress)
        with record.timed("check"):
            record.checks += engine.prove(manifest, load, scratch.target) if orders.proving else ()
            facts = {
                "DRKIT_SOURCE": orders.source,
                "DRKIT_POINT": manifest.id,
                "DRKIT_REACHED": format_moment(planned.plan.reaches),
                "DRKIT_TARGET": scratch.target,
                **dict.fromkeys(orders.aliases, scratch.target),
            }
            ask = partial(engine.ask, scratch.target)
            answers = [put_question(each, ask, facts, redact) for each in orders.questions]
            record.checks += map(_excuse, answers) if record.left_out else answers
        if not record.left_out and all(check.outcome != "failed" for check in record.checks):
            record.measured = timedelta(seconds=time.monotonic() - record.began)
        record.opened_with = find_openers(store, manifest.pieces, keyring)
        standing(scratch.target)


def _pick(orders: Orders, store: Store, engine: Engine, keyring: Keyring, now: datetime) -> datetime:
    seed = orders.seed or ""
    if isinstance(engine, ContinuousEngine):
        return pick_within(reachable(store, orders.source, keyring), seed, now)
    return pick_moment(catalog.survey(store, orders.source).points, seed, now)


def _excuse(answer: Check) -> Check:
    """Where tables are missing that the scratch server cannot have, it may have failed for that alone."""
    return replace(answer, outcome="not testable") if answer.outcome == "failed" else answer


def _is_thinned(store: Store, source: str, keyring: Keyring, record: _Record) -> bool:
    """Whether retention has removed points near the moment that is wanted: there the RPO is not promised any more."""
    if record.wanted is None:
        return False
    whole_since = find_whole_since(store, source, keyring.signers)
    return whole_since is not None and record.wanted <= whole_since


def _restore(
    record: _Record,
    store: Store,
    engine: Engine,
    keyring: Keyring,
    target: str,
    progress: Progress,
) -> None:
    began = time.monotonic()
    *before, manifest = record.manifests
    known: tuple[tuple[str, float], ...] = ()
    try:
        restored = restore(store, manifest, engine, keyring, target, _WISHES, progress, None, before)
        known = restored.phases
    finally:
        record.phases += known or [("fetch_and_load", round(time.monotonic() - began, 6))]
    record.checks += restored.untested
    if restored.left_out:
        record.left_out = restored.left_out
        record.tell(f"partly tested: {restored.left_out}")
    record.restored = True


def _judge(orders: Orders, record: _Record, ended_at: datetime, redact: Callable[[str], str], aborted: bool) -> Drill:
    plan, manifests, scratch = record.plan, record.manifests, record.scratch
    reached = plan.reaches if plan and record.restored else None
    rto = judge_rto(orders.rto, record.measured)
    distance = max((record.wanted or record.started_at) - plan.reaches, timedelta(0)) if plan else None
    promised = None if record.thinned else orders.rpo
    rpo = judge_rpo(promised, distance) if not aborted else Target(promised, distance, None)
    return Drill(
        id=catalog.make_id(record.started_at, orders.token),
        source=orders.source,
        scenario=orders.scenario,
        started_at=record.started_at,
        ended_at=max(ended_at, record.started_at),
        backup=plan.point.id if plan else None,
        wanted=record.wanted,
        reached=reached,
        seed=orders.seed,
        result="aborted" if aborted else judge_result(record.error, record.checks, rto, rpo),
        error=redact(record.error)[:_SHOWN],
        rto=rto,
        rpo=rpo,
        phases=tuple(record.phases),
        checks=tuple(replace(each, actual=redact(each.actual)) for each in record.checks),
        stored_bytes=plan.point.stored_bytes if plan else 0,
        restored_bytes=sum(manifest.plain_bytes for manifest in manifests),
        objects=tuple((piece.key, piece.sealed.sha256) for manifest in manifests for piece in manifest.pieces),
        tools=scratch.tools if scratch else {},
        clock_offset=None,
        settings_that_differ=scratch.settings_that_differ if scratch else {},
        disposed=record.disposed,
        correlation_id=orders.correlation_id,
        drkit_version=__version__,
        opened_with=record.opened_with,
    )
