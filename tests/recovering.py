"""Restores along a log by hand, for tests: a physical source's state at some moment, in a place that is thrown away;
and what the server's own pg_waldump says of the order in which transactions were committed."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from drkit.model import Restored, Wishes
from drkit.restore.planning import Planned, plan_ahead
from drkit.restore.wanted import Wanted
from drkit.sealing import loading
from drkit.wiring import clock
from postgres.programs import as_server_user, give_to_server, program_environment
from servers.physical import SOURCE, PhysicalSystem

Query = Callable[..., list[tuple[Any, ...]]]
TICKS = "CREATE TABLE ticks (n serial PRIMARY KEY, xid bigint DEFAULT txid_current())"
_ENDING = re.compile(r"rmgr: Transaction .* tx: +(\d+), lsn: ([0-9A-F/]+),.*desc: COMMIT ([-0-9]+ [0-9:.]+) UTC")


@dataclass(frozen=True)
class Arrival:
    planned: Planned
    restored: Restored
    query: Query
    place: str


@contextmanager
def arriving(system: PhysicalSystem, wanted: Wanted) -> Iterator[Arrival]:
    """The whole server in a scratch place, as a drill has it."""
    store, keyring = system.store, system.keyring
    planned = plan_ahead(store, SOURCE, system.source.engine(), wanted, clock(), keyring)
    load = loading(store, keyring)
    with planned.engine.scratch(planned.manifest, load) as place:
        restored = planned.engine.restore(planned.manifest, load, place.target, Wishes())

        def query(statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
            where = psycopg.conninfo.make_conninfo(place.target, dbname=database)
            with psycopg.connect(where, autocommit=True) as connection:
                return connection.execute(statement.encode()).fetchall()

        yield Arrival(planned, restored, query, place.place)


@dataclass(frozen=True)
class Commit:
    transaction: int
    moment: datetime


def commits(system: PhysicalSystem) -> list[Commit]:
    """In the order in which they stand in the server's own log, which the caller made the server keep. All files at
    once, as a record may begin in one and end in the next."""
    wal = system.server.data / "pg_wal"
    names = sorted(path.name for path in wal.iterdir() if re.fullmatch("[0-9A-F]{24}", path.name))
    [(newest,)] = system.server.query("SELECT pg_walfile_name(pg_current_wal_lsn())")
    command = [str(system.server.bin / "pg_waldump"), "--rmgr=Transaction", str(wal / names[0]), newest]
    done = subprocess.run(
        as_server_user(command), capture_output=True, text=True, env=program_environment(system.server.bin, TZ="UTC")
    )
    found = [match for line in done.stdout.splitlines() if (match := _ENDING.match(line))]
    assert found, done.stderr
    return [Commit(int(match[1]), datetime.fromisoformat(match[3]).replace(tzinfo=UTC)) for match in found]


def committed_by(found: list[Commit], moment: datetime) -> set[int]:
    """As the documentation has it: all up to the first one in the log that is later."""
    seen: set[int] = set()
    for commit in found:
        if commit.moment > moment:
            break
        seen.add(commit.transaction)
    return seen


def await_covered(system: PhysicalSystem, timeline: int = 1) -> datetime:
    """Until the log in the store covers this moment, by the server's clock."""
    [(now,)] = system.server.query("SELECT clock_timestamp()")

    def covered() -> bool:
        return any(span.covered_until >= now and span.timeline == timeline for span in system.log().spans)

    system.wait_for(covered, lambda: (now, system.log().spans[-3:]))
    moment: datetime = now
    return moment


@contextmanager
def short_folder() -> Iterator[Path]:
    """One whose path leaves room for a socket's, and that a server's user may enter."""
    with TemporaryDirectory(prefix="drkit-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def servers_folder() -> Iterator[Path]:
    """The same, and it belongs to the server's user."""
    with short_folder() as folder:
        give_to_server(folder)
        yield folder


def spans_of(system: PhysicalSystem) -> list[Path]:
    """The objects of the log, in a store that is a folder."""
    return sorted(path for path in (system.folder / "store" / SOURCE / "log").rglob("*.zst.age"))
