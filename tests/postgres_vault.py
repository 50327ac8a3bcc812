"""Points of PostgreSQL databases for tests: captured by the engine, sealed as drkit seals, and restored."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drkit.age import new_identity
from drkit.engines.postgres import DumpOptions, PostgresEngine, comparison
from drkit.engines.postgres.comparison import Compared, Expectation, choose_for_target
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.facts import look_at_server
from drkit.engines.postgres.point import StoredPoint
from drkit.errors import NotRestorable
from drkit.model import Captured, Comparing, Manifest, Restored, Wishes
from drkit.ports import Save, Store
from drkit.sealing import Keyring, Seal, loading, saving
from drkit.signing import new_signing_key
from drkit.stores.memory import MemoryStore

FOLDER = "shop/main/backups/1"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Keys:
    seal: Seal
    keyring: Keyring


def new_keys() -> Keys:
    identity, signing_key = new_identity(), new_signing_key()
    return Keys(Seal((identity.recipient(),), signing_key), Keyring((identity,), frozenset([signing_key.signer()])))


@dataclass(frozen=True)
class Point:
    """One captured database, in a store of its own."""

    store: Store
    keys: Keys
    begun: Sequence[datetime]
    captured: Captured

    @property
    def manifest(self) -> Manifest:
        (at,) = self.begun
        return Manifest("1", "shop/main", "postgres", at, at, at, self.captured.pieces, "run", "test")


@dataclass
class _Beginning:
    store: Store
    keys: Keys
    moments: list[datetime] = field(default_factory=list)

    def begin(self, moment: datetime) -> Save:
        self.moments.append(moment)
        return saving(self.store, FOLDER, self.keys.seal, effort=PostgresEngine.effort)


def engine(programs: Path, dsn: str = "", **options: Any) -> PostgresEngine:
    return PostgresEngine(lambda: dsn, DumpOptions(**{"jobs": 2, "programs": programs, **options}), clock=utc_now)


def capture(dsn: str, programs: Path, store: Store | None = None, keys: Keys | None = None, **options: Any) -> Point:
    """`options` are DumpOptions'."""
    beginning = _Beginning(store or MemoryStore(), keys or new_keys())
    captured = engine(programs, dsn, **options).capture(beginning.begin)
    return Point(beginning.store, beginning.keys, beginning.moments, captured)


def restore(point: Point, target: str, programs: Path, jobs: int = 2, **wishes: Any) -> Restored:
    """As a restore does it: the target is looked at first. `wishes` are Wishes'."""
    chosen = engine(programs, jobs=jobs)
    chosen.check_target(target, Wishes(**wishes))
    return chosen.restore(point.manifest, loading(point.store, point.keys.keyring), target, Wishes(**wishes))


def compare(point: Point, target: str, programs: Path, level: Comparing = "full") -> Compared:
    """An existing database with the whole of what was captured."""
    server, options = parse_dsn(target, NotRestorable), DumpOptions(jobs=2, programs=programs)
    stored = StoredPoint(point.manifest, loading(point.store, point.keys.keyring))
    with server.session() as connection:
        chosen = choose_for_target(options, stored, look_at_server(connection, utc_now, NotRestorable))
    return comparison.compare(server, chosen, stored, Expectation(level), options.workers)
