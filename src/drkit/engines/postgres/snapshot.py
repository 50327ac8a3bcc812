"""One moment of a database, held open for as many readers as want it, and the proof that its tables stayed whole.

A table that is truncated or rewritten between the snapshot and the first lock looks empty to the snapshot: so there is
a look at them when pg_dump has its locks. It must not know how tables are read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg import errors

from drkit.engines.postgres.choice import Choice, list_wanted
from drkit.engines.postgres.locks import naming_locks
from drkit.engines.postgres.names import quote_table
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.tables import Table
from drkit.errors import CaptureError, DrkitError
from drkit.ports import Clock

_GONE = (errors.UndefinedTable, errors.InvalidSchemaName, errors.WrongObjectType, errors.DeadlockDetected)


class SnapshotSpoiled(DrkitError):
    """The schema changed under the snapshot; a new one may do better."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Nothing in it is later than `consistent_at`. It lives as long as `connection`'s transaction."""

    connection: psycopg.Connection
    name: str
    consistent_at: datetime
    holds_locks: bool


# relfilenode is as the snapshot has it, the function tells what is now
_REWRITTEN = """
select n.nspname::text || '.' || c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relfilenode <> 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and (%(schemas)s::text[] = '{}' or n.nspname = any(%(schemas)s)) and not c.oid = any(%(spared)s::oid[])
   and pg_relation_filenode(c.oid) is distinct from c.relfilenode
 order by 1 limit 3
"""


@contextmanager
def hold_snapshot(server: Server, options: DumpOptions, clock: Clock, *, lock_first: bool) -> Iterator[Snapshot]:
    """With `lock_first` nothing that is there can change before pg_dump has its locks, which needs no luck but gets in
    the way of those who would change it."""
    with server.session(lock_timeout=f"{options.lock_timeout // timedelta(milliseconds=1)}ms") as connection:
        wanted = list_wanted(connection, options) if lock_first else []
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # a parallel plan would give rows in any order
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        with naming_locks(server, options.lock_timeout):
            lock_tables(connection, wanted)
        # Locks need no snapshot, so this is the transaction's first.
        [(name,)] = connection.execute("select pg_export_snapshot()")
        # After the snapshot, so that nothing in it can be later.
        yield Snapshot(connection, name, clock(), lock_first)


def lock_tables(connection: psycopg.Connection, tables: Sequence[Table], *, at_once: bool = False) -> None:
    """They stay as they are until the transaction ends. `at_once`: who waits for a stronger lock already is not joined
    in the queue, as that could block the application for as long as we wait."""
    names = ", ".join(quote_table(*table.key) for table in tables)
    try:
        if names:
            connection.execute(f"LOCK TABLE ONLY {names} IN ACCESS SHARE MODE{' NOWAIT' if at_once else ''}")
    except _GONE as error:
        raise SnapshotSpoiled(str(error.diag.message_primary)) from error
    except errors.LockNotAvailable as error:
        if not at_once:
            raise
        raise SnapshotSpoiled(str(error.diag.message_primary)) from error
    except errors.OutOfMemory as error:
        raise CaptureError(
            f"the server has no room for locks on {len(tables)} tables: {error.diag.message_primary}",
            "raise max_locks_per_transaction and restart it; pg_dump alone would need as much",
        ) from error


def block_somebody(connection: psycopg.Connection) -> bool:
    """Whether others wait for locks that this session holds."""
    [(blocked,)] = connection.execute(_BLOCKED)
    return bool(blocked)


_BLOCKED = """
select exists (select from pg_locks l where not l.granted and pg_backend_pid() = any(pg_blocking_pids(l.pid)))
"""


def see_tables_stayed(snapshot: Snapshot, choice: Choice) -> None:
    """Those whose rows are wanted. Call it once pg_dump has locked them."""
    spared = [table.number for table in (*choice.left_out, *choice.without_rows)]
    scope = {"schemas": list(choice.schemas), "spared": spared}
    rewritten = [name for (name,) in snapshot.connection.execute(_REWRITTEN, scope)]
    if rewritten:
        raise SnapshotSpoiled(f"{', '.join(rewritten)} was truncated, rewritten or dropped while the backup began")
