"""One moment of a database, held open for as many readers as want it, and the proof that its tables stayed whole.

A table that is truncated or rewritten between the snapshot and the first lock looks empty to the snapshot; so locks
come first and then a look. It must not know how they are read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from drkit.engines.postgres.choice import Choice
from drkit.engines.postgres.names import quote_name
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.tables import Table
from drkit.errors import DrkitError
from drkit.ports import Clock


class SnapshotSpoiled(DrkitError):
    """The schema changed under the snapshot; a new one may do better."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Nothing in it is later than `consistent_at`. It lives as long as `connection`'s transaction."""

    connection: psycopg.Connection
    name: str
    consistent_at: datetime


# relfilenode is as the snapshot has it, the function tells what is now
_REWRITTEN = """
select n.nspname::text || '.' || c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relfilenode <> 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and (%(schemas)s::text[] = '{}' or n.nspname = any(%(schemas)s)) and not c.oid = any(%(spared)s::oid[])
   and pg_relation_filenode(c.oid) is distinct from c.relfilenode
 order by 1 limit 3
"""


@contextmanager
def hold_snapshot(server: Server, lock_timeout: timedelta, clock: Clock) -> Iterator[Snapshot]:
    with server.session(lock_timeout=f"{lock_timeout // timedelta(milliseconds=1)}ms") as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # a parallel plan would give rows in any order
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        [(name,)] = connection.execute("select pg_export_snapshot()")
        # After the snapshot, so that nothing in it can be later.
        yield Snapshot(connection, name, clock())


def lock_tables(snapshot: Snapshot, tables: Sequence[Table]) -> None:
    """Keep these as they are until the transaction ends. Who waits for a stronger lock already is not joined in a
    queue: that could block the application for as long as we wait."""
    names = ", ".join(f"{quote_name(table.schema)}.{quote_name(table.name)}" for table in tables)
    try:
        if names:
            snapshot.connection.execute(f"LOCK TABLE ONLY {names} IN ACCESS SHARE MODE NOWAIT")
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable) as error:
        raise SnapshotSpoiled(f"a table was about to be changed: {error.diag.message_primary}") from error


def see_tables_stayed(snapshot: Snapshot, choice: Choice) -> None:
    """Those whose rows are wanted. Call it once they are locked."""
    spared = [table.number for table in (*choice.left_out, *choice.without_rows)]
    scope = {"schemas": list(choice.schemas), "spared": spared}
    rewritten = [name for (name,) in snapshot.connection.execute(_REWRITTEN, scope)]
    if rewritten:
        raise SnapshotSpoiled(f"{', '.join(rewritten)} was truncated, rewritten or dropped while the backup began")
