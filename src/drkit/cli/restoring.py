"""The steps of a restore that a person asked for, of one source or of each of several: the plan, the hooks, the work.

It must not know the options of any command.
"""

import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from drkit.cli.call import Call, ask_passphrase
from drkit.cli.restore_text import describe, describe_reached
from drkit.cli.text import format_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from drkit.cli.target import Target
    from drkit.model import Restored, Wishes
    from drkit.restore.hooks import Hooks, When
    from drkit.restore.plan import RestorePlan
    from drkit.restore.planning import Planned
    from drkit.restore.wanted import Wanted
    from drkit.sealing import Keyring
    from drkit.wiring import Source


@dataclass(frozen=True, slots=True)
class Orders:
    """What a person said. `to` is as it was written; `started` is by the clock that only counts."""

    at: str
    to: tuple[str, ...]
    where: str
    wishes: "Wishes"
    hook_before: str | None
    hook: str | None
    yes: bool
    dry_run: bool
    by_hand: bool
    started: float

    @property
    def only_looking(self) -> bool:
        return self.dry_run or self.by_hand


def make_plan(
    call: Call, source: "Source", wanted: "Wanted", now: "datetime", *, looking: bool, point: str | None = None
) -> "Planned":
    """What it reaches is told before anything that may be damaged is read."""
    from drkit.restore.planning import plan_ahead
    from drkit.restore.wanted import Mark

    keyring = _keyring(source, looking=looking and not isinstance(wanted, Mark))  # what is called so stands in the log
    tell = partial(_tell, call)
    planned = plan_ahead(source.store(), source.name, source.engine(), wanted, now, keyring, tell, point)
    for doubt in planned.doubts:
        call.console.warn(f"passed over: {doubt.detail}")
    return planned


def _tell(call: Call, plan: "RestorePlan") -> None:
    from drkit.when import format_length, format_moment

    for point in plan.passed_over:
        call.console.warn(f"{point.id} is passed over: its time lies in the future, so a clock was wrong")
    if plan.point.refuted_at:
        drill = format_moment(plan.point.refuted_at)
        call.console.warn(f"{plan.point.id}: the drill of {drill} failed on it; `drkit backup list` shows the others")
    which = f"{format_length(plan.distance)} {'before that' if plan.wanted else 'ago'}"
    call.console.tell(f"{plan.point.source}: reached is {format_moment(plan.reaches)}, {which}")


def _keyring(source: "Source", *, looking: bool) -> "Keyring":
    """A log's way leads over histories, which are sealed; whoever only looks may do so without the identity."""
    from drkit.config.sources import PhysicalTable
    from drkit.keyring import open_keyring, open_outlook, open_signers
    from drkit.sealing import Keyring

    if not isinstance(source.table, PhysicalTable):
        return Keyring((), open_signers(source.system))
    return open_outlook(source.system) if looking else open_keyring(source.system, ask_passphrase)


def make_hooks(
    call: Call, facts: "Mapping[str, str]", secrets: tuple[str, ...], before: str | None, after: str | None
) -> "Hooks":
    """`facts` are what the commands are told, as variables."""
    from drkit.restore.hooks import Hooks
    from drkit.streams.shell import shell_environment

    def tell(when: "When", line: str) -> None:
        if call.console.terminal and not call.console.quiet:
            sys.stderr.write("\r\x1b[K")  # a progress bar may stand there
        call.console.note(line, hook=when)

    return Hooks(before, after, shell_environment(os.environ, facts), secrets, tell)


def facts_of(plan: "RestorePlan", target: "Target") -> dict[str, str]:
    from drkit.when import format_moment

    return {
        "DRKIT_SOURCE": plan.point.source,
        "DRKIT_POINT": plan.point.id,
        "DRKIT_REACHED": format_moment(plan.reaches),
        "DRKIT_TARGET": target.value,
    }


def run_timed(
    call: Call,
    source: "Source",
    planned: "Planned",
    work: "Callable[[Callable[[int], None]], Restored]",
    started: float,
) -> tuple[dict[str, Any], str]:
    """What `work` restores, by a progress that it is given: for programs, and for people."""
    from drkit.when import format_moment

    begun = time.monotonic()
    with call.console.progress(f"restoring {source.name}", planned.plain_bytes) as progress:
        restored = work(progress)
    for note in restored.notes:
        call.console.note(note)
    ended = time.monotonic()
    document = describe(source, planned.plan, restored.target) | {
        "seconds": round(ended - started, 3),
        "phases": {"plan": round(begun - started, 3)}
        | (dict(restored.phases) or {"fetch_and_load": round(ended - begun, 3)}),
        "verified": restored.verified,
        "kept_old": restored.kept_old,
        **describe_reached(planned, restored),
    }
    size = f"{format_size(planned.plain_bytes)} in {ended - begun:.1f} s"
    kept = f"\nwhat stood there is now {restored.kept_old}" if restored.kept_old else ""
    reached = format_moment(planned.plan.reaches)
    return document, f"restored {source.name} as of {reached} to {restored.target} ({size}){kept}"
