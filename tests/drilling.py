"""Drills of the small system for tests of faults, carried out in this process by drkit's own functions."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from drkit.ports import Engine, Store
from drkit.sealing import Keyring
from drkit.verify.drill import Ended, Orders, run_drill
from drkit.verify.model import Drill
from drkit.verify.questions import Question
from fault_system import FaultSystem, make_system, utc_now

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOBODY = 65534


def make_drilled_system(folder: Path, **options: Any) -> FaultSystem:
    """Its drills restore into a folder of its own, so that a test sees what they leave."""
    system = make_system(folder, **options)
    scratch_of(system).mkdir()
    for path in ('path = "../docs"', 'path = "../shop.db"'):
        system.edit(path, f'{path}\nscratch = "../scratch"')
    return system


def scratch_of(system: FaultSystem) -> Path:
    return system.folder / "scratch"


def run(
    system: FaultSystem,
    name: str,
    *,
    store: Store | None = None,
    engine: Engine | None = None,
    keyring: Keyring | None = None,
    redact: Callable[[str], str] = str,
    **orders: Any,
) -> Ended:
    source = system.source(name)
    plain = Orders(name, "database-failure", None, None, None, None, (), "00000000", "a test")
    return run_drill(
        replace(plain, **orders),
        store or source.store(),
        engine or source.engine(),
        keyring or system.keyring(),
        utc_now,
        redact=redact,
    )


def drill(system: FaultSystem, name: str, **orders: Any) -> Drill:
    ended = run(system, name, **orders)
    assert ended.raised is None, ended
    assert list(scratch_of(system).iterdir()) == []
    return ended.drill


def command(text: str, timeout: timedelta = MINUTE) -> Question:
    return Question(text, None, text, True, timeout)


def outcomes(drill: Drill) -> dict[str, str]:
    return {check.name: check.outcome for check in drill.checks}


def found(drill: Drill, name: str) -> str:
    [actual] = [check.actual for check in drill.checks if check.name == name]
    return actual


@contextmanager
def as_nobody() -> Iterator[None]:
    """Who runs the tests as root is nobody for as long as the block lasts."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
