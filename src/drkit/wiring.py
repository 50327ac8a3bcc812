"""Configuration made into live objects. The only place where use cases meet engines and stores."""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from drkit.catalog.lasting import lasts
from drkit.clock import clock as clock
from drkit.config import System
from drkit.config.sources import AnySource, GitTable, PhysicalTable, PostgresTable, RedisTable, RemoteTable, SqliteTable
from drkit.config.values import is_reference
from drkit.earlier import find_earlier, find_footing
from drkit.engines.files import FilesEngine
from drkit.engines.sqlite import SqliteEngine
from drkit.errors import ConfigError, NotRestorable, UsageError
from drkit.follow.relay import Relay
from drkit.follow.run import Follower, Manner
from drkit.follow.voice import Stop, Voice
from drkit.follow.watch import Alarm
from drkit.keyring import open_seal, open_signers
from drkit.model import Lock
from drkit.ports import Earlier, Engine, Footing, Store
from drkit.replicate.log import LogPassage
from drkit.stores import open_store
from drkit.stores.locking import LockingStore
from drkit.stores.retrying import RetryPolicy
from drkit.verify.questions import Question

if TYPE_CHECKING:
    from drkit.engines.postgres.physical.options import PhysicalOptions

# For a replica that something else must not wait for: a few seconds, where it is down.
BRIEF = RetryPolicy(attempts=4)
# How often the store hears of a server that writes nothing, if no objective wants it more often.
MARK_EVERY = timedelta(minutes=1)
OFTEN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of one system, with what it takes to work on it. With `replica` that one, counted from 0, is its
    store. `afar` is how it is seen where only that is left: whatever would reach for the source itself is refused."""

    system: System
    key: str
    table: AnySource
    afar: bool = False
    replica: int | None = None

    @property
    def name(self) -> str:
        return f"{self.system.name}/{self.key}"

    def engine(self) -> Engine:
        table = self.table
        if isinstance(table, PostgresTable):
            return self._postgres(table)
        if isinstance(table, PhysicalTable):
            return self._physical(table)
        if isinstance(table, RedisTable):
            return self._redis(table)
        if isinstance(table, GitTable):
            return self._git(table)
        path = self.system.path(table.path)
        if isinstance(table, SqliteTable):
            spool = self.system.path(table.spool) if table.spool else None
            return SqliteEngine(path, table.integrity, table.lock_timeout, spool, self._scratch_folder(), clock=clock)
        self._keep_store_apart(path)
        return FilesEngine(path, table.include, table.exclude, self._scratch_folder(), clock=clock)

    def store(self, policy: RetryPolicy | None = None) -> Store:
        with self.system.naming("store.url" if self.replica is None else "store.replica"):
            return _open(self.store_url(), policy, self.lock())

    def lock(self) -> Lock | None:
        table = self.system.table.store
        if self.replica is None:
            return table.lock
        return table.lock_of(table.replica[self.replica], is_folder=self.store_url().startswith("file://"))

    def store_url(self) -> str:
        return self.system.resolve(self.store_name())

    def store_name(self) -> str:
        """As it stands in the schedule: what is behind a reference is not shown."""
        table = self.system.table.store
        if self.replica is None:
            return table.url
        if not table.replica:
            raise ConfigError(
                f"{self.system.file}: store.replica is missing, and without the store itself nothing else is left",
                'name the copy in the other region: replica = "s3://bucket/prefix?region=…&profile=…"',
            )
        return table.replica[self.replica].url

    def from_afar(self) -> "Source":
        """Where the region is lost: the first replica is all there is."""
        return replace(self, afar=True, replica=0)

    def at_home(self) -> "Source":
        return replace(self, afar=False, replica=None)

    def replicas(self) -> "list[Source]":
        """The same source, with each replica of its store in the store's place."""
        return [replace(self, replica=number) for number, _ in enumerate(self.system.table.store.replica)]

    def questions(self) -> tuple[Question, ...]:
        return tuple(
            Question(each.name, each.sql, each.command, each.expect, each.timeout) for each in self.table.checks
        )

    def variables(self) -> tuple[str, ...]:
        """Those of the environment that lead to the source."""
        way = self._way() or ""
        return (way.removeprefix("env:"),) if way.startswith("env:") else ()

    def secret_texts(self) -> list[str]:
        """What is behind the references that a password may stand in, as far as they can be read here."""
        table = self.table
        found = []
        for reference in (table.scratch, self._way()):
            if reference and is_reference(reference):
                with suppress(ConfigError):
                    found.append(self.system.resolve(reference))
        return found

    def _way(self) -> str | None:
        """What leads to the source over a network, where it is not on this machine."""
        if isinstance(self.table, GitTable):
            return self.table.url
        return self.table.dsn if isinstance(self.table, RemoteTable) else None

    def _scratch_folder(self) -> Path | None:
        """A reference is a server's DSN, and no folder."""
        place = self.table.scratch
        return None if place is None or is_reference(place) else self.system.path(place)

    def _scratch_server(self) -> Callable[[], str] | None:
        """Of one that is lent."""
        place = self.table.scratch
        if place is None or not is_reference(place):
            return None

        def resolve() -> str:
            with self.system.naming(f"sources.{self.key}.scratch"):
                return self.system.resolve(place)

        return resolve

    def _programs(self) -> Path | None:
        table = self.table
        return self.system.path(table.programs) if isinstance(table, RemoteTable) and table.programs else None

    def _postgres(self, table: PostgresTable) -> Engine:
        # libpq and what comes with it take a tenth of a second, which those without PostgreSQL need not wait
        from drkit.engines.postgres import DumpOptions, PostgresEngine

        options = DumpOptions(
            table.jobs,
            table.schemas,
            table.exclude_tables,
            table.exclude_data,
            table.lock_timeout,
            table.rate_limit,
            table.fingerprints,
            self._programs(),
            table.trusted,
        )
        return PostgresEngine(self.dsn, options, self._scratch_folder(), self._scratch_server(), clock=clock)

    def _redis(self, table: RedisTable) -> Engine:
        from drkit.engines.redis import RedisEngine  # TLS and what comes with it take their time, too

        folder, server = self._scratch_folder(), self._scratch_server()
        return RedisEngine(self.dsn, table.method, self._programs(), folder, server, clock=clock)

    def _git(self, table: GitTable) -> Engine:
        from drkit.engines.git import GitEngine
        from drkit.engines.git.options import GitOptions
        from drkit.engines.git.origin import Origin, parse_origin

        def origin() -> Origin:
            if self.afar:
                raise _reached_from_afar(self.name)
            if table.path is not None:
                return self.system.path(table.path)
            with self.system.naming(f"sources.{self.key}.url"):
                found = parse_origin(self.system.resolve(table.url or ""))
            if isinstance(found, Path):
                return found
            with self.system.naming(f"sources.{self.key}.ssh_key"):
                key = self.system.resolve(table.ssh_key, private=True) if table.ssh_key else ""
            with self.system.naming(f"sources.{self.key}.ssh_hosts"):
                hosts = self.system.resolve(table.ssh_hosts) if table.ssh_hosts else ""
            return replace(found, key=key, hosts=hosts)

        def footing() -> Footing | None:
            return find_footing(
                self.name, GitEngine.kind, self.store(), open_seal(self.system), table.full_every, clock()
            )

        if table.path is not None:
            self._keep_store_apart(self.system.path(table.path))
        options = GitOptions(table.incremental, self.system.path(table.spool) if table.spool else None)
        return GitEngine(origin, options, footing, self._scratch_folder(), clock=clock)

    def _physical(self, table: PhysicalTable) -> Engine:
        from drkit.engines.postgres.physical.engine import PhysicalEngine

        def earlier() -> Earlier | None:
            return find_earlier(self.name, self.store(), open_seal(self.system), table.full_every, clock())

        def fetching(system: str, timeline: int, segment: int, end: int) -> list[str]:
            drkit = [sys.executable, "-m", "drkit", "--config", str(self.system.file.parent.absolute())]
            return [*drkit, "log-fetch", self.name, system, str(timeline), str(segment), str(end)]

        options = self.physical_options()
        return PhysicalEngine(self.dsn, options, earlier, self._scratch_folder(), fetching, clock=clock)

    def physical_options(self) -> "PhysicalOptions":
        """UsageError where the source has no log."""
        from drkit.engines.postgres.physical.options import PhysicalOptions, name_slot

        table = self.table
        if not isinstance(table, PhysicalTable):
            raise UsageError(
                f"{self.name} has no continuous log",
                'follow a source with method = "physical"; others are captured by `drkit backup now`',
            )
        return PhysicalOptions(
            table.slot or name_slot(self.name),
            table.rate_limit,
            self._programs(),
            table.incremental,
            table.log_interval,
            table.synchronous,
        )

    def dsn(self) -> str:
        table = self.table
        if self.afar or not isinstance(table, RemoteTable):
            raise _reached_from_afar(self.name)
        with self.system.naming(f"sources.{self.key}.dsn"):
            return self.system.resolve(table.dsn)

    def _keep_store_apart(self, path: Path) -> None:
        """A folder that holds its own backups would back up its backups."""
        if self.afar:
            return
        for place in (self, *self.replicas()):
            try:
                url = urlsplit(place.store_url())
            except ConfigError:
                if place.replica is not None:
                    continue  # one that is not even named here is no folder, and must not keep a backup from being made
                raise
            if url.scheme == "file" and Path(unquote(url.path)).resolve().is_relative_to(path.resolve()):
                raise ConfigError(
                    f"{self.system.file}: the store {url.geturl()} lies inside {path}, a source of backups",
                    "put the store elsewhere, or name a folder beside it",
                )


def _reached_from_afar(name: str) -> NotRestorable:
    return NotRestorable(
        f"something reached for what {name} captures, which would be lost with its region",
        "this is a bug: please report it",
    )


def follower(
    source: Source, voice: Voice, stop: Stop, rebase: Callable[[], None], alarm: Alarm, *, anew: bool = False
) -> Follower:
    from drkit.engines.postgres.dsn import parse_dsn
    from drkit.engines.postgres.physical.log import PostgresLog

    options, table = source.physical_options(), source.table
    assert isinstance(table, PhysicalTable), "or it would have no such options"  # noqa: S101
    promised = table.objectives.rpo or MARK_EVERY
    manner = Manner(
        options.log_interval,
        max(options.log_interval, min(MARK_EVERY, promised / 3)),
        options.synchronous,
        anew,
        rebase if table.rebase else None,
    )
    log = PostgresLog(lambda: parse_dsn(source.dsn()), options)
    seal, signers = open_seal(source.system), open_signers(source.system)
    every = max(OFTEN, min(MARK_EVERY, promised / 4))  # the rest of it is for the store, and for the way
    relays = tuple(
        Relay(seen.store_name(), LogPassage(source.name, partial(_both_places, seen)), every)
        for seen in source.replicas()
    )
    return Follower(source.name, log, source.store(), seal, signers, manner, voice, stop, alarm, relays)


def _both_places(seen: Source) -> tuple[Store, Store]:
    """With little patience, so that who copies notices soon that one of them is away."""
    return seen.at_home().store(BRIEF), seen.store(BRIEF)


@cache
def _open(url: str, policy: RetryPolicy | None, lock: Lock | None) -> Store:
    store = open_store(url, policy)
    return LockingStore(store, lock, lasts, clock) if lock else store


def select(systems: Iterable[System], names: Sequence[str]) -> list[Source]:
    """The sources that the names mean: SYSTEM or SYSTEM/SOURCE; no name means all."""
    known = [Source(system, key, table) for system in systems for key, table in system.table.sources.items()]
    for name in names:
        if not any(name in (source.system.name, source.name) for source in known):
            raise UsageError(
                f"no system or source is called {name!r}", f"there are {', '.join(source.name for source in known)}"
            )
    return [source for source in known if not names or {source.system.name, source.name} & set(names)]


def select_one(systems: Iterable[System], name: str | None) -> Source:
    found = select(systems, [name] if name else [])
    if len(found) > 1:
        raise UsageError(
            f"{name or 'the configuration'} has several sources", f"name one: {', '.join(each.name for each in found)}"
        )
    return found[0]
