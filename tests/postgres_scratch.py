"""Drills by hand for tests: a point restored to a scratch place, with room for a change before it is looked at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from drkit.engines.postgres import DumpOptions, PostgresEngine
from drkit.model import Check, Restored, Scratch, Wishes
from drkit.sealing import loading
from postgres_vault import Point, utc_now


@dataclass(frozen=True)
class Stage:
    """A restored database in its scratch place."""

    engine: PostgresEngine
    point: Point
    scratch: Scratch
    restored: Restored

    def prove(self, target: str | None = None) -> list[Check]:
        load = loading(self.point.store, self.point.keys.keyring)
        return list(self.engine.prove(self.point.manifest, load, target or self.scratch.target))

    def execute(self, *statements: str, target: str | None = None) -> None:
        with psycopg.connect(target or self.scratch.target, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def beside(self, database: str) -> str:
        """The way to another database in the same place."""
        return psycopg.conninfo.make_conninfo(self.scratch.target, dbname=database)


@contextmanager
def on_stage(point: Point, programs: Path, lent: Callable[[], str] | None = None, **options: Any) -> Iterator[Stage]:
    """`options` are DumpOptions'. Whoever asks for the source's DSN is told that nobody knows it."""
    engine = drill_engine(programs, lent, **options)
    load = loading(point.store, point.keys.keyring)
    with engine.scratch(point.manifest, load) as scratch:
        wishes = Wishes(compare="off", tolerant=True)
        engine.check_target(scratch.target, wishes)
        yield Stage(engine, point, scratch, engine.restore(point.manifest, load, scratch.target, wishes))


def drill_engine(
    programs: Path, lent: Callable[[], str] | None = None, dsn: str = "", **options: Any
) -> PostgresEngine:
    chosen = DumpOptions(**{"jobs": 2, "programs": programs, **options})
    return PostgresEngine(lambda: dsn, chosen, None, lent, clock=utc_now)


def outcomes(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


def those_that(outcome: str, checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.outcome == outcome]
