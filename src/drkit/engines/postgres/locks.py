"""Who keeps us from reading: sessions that hold, or wait for, a lock that nothing can be read beside.

It must not know what was to be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from psycopg import errors

from drkit.engines.postgres.server import Server
from drkit.errors import DrkitError

_HOLDERS = """
select format('%I.%I', n.nspname, c.relname), l.granted, l.pid, coalesce(a.usename::text, 'the server itself'),
       coalesce(nullif(a.application_name, ''), 'a program without a name')
  from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
  left join pg_stat_activity a on a.pid = l.pid
 where l.mode = 'AccessExclusiveLock' and l.pid <> pg_backend_pid() and n.nspname !~ '^pg_'
   and l.database = (select oid from pg_database where datname = current_database())
   and c.relkind not in ('i', 'I', 't')
 order by l.granted desc, 1, 3 limit 3
"""


@contextmanager
def naming_locks(server: Server, waited: timedelta) -> Iterator[None]:
    """For what a session with a lock_timeout does."""
    try:
        yield
    except errors.LockNotAvailable as error:
        raise explain_lock(server, waited) from error


def explain_lock(server: Server, waited: timedelta) -> DrkitError:
    """Asked of a session of its own, as the one that was kept out may be unable to answer."""
    with server.session() as connection:
        found = connection.execute(_HOLDERS).fetchall()
    told = [
        f"{table} is {'locked' if granted else 'about to be locked'} by {program} as {user} (process {process})"
        for table, granted, process, user, program in found
    ]
    return server.failure(
        f"{server} let drkit not read within {waited.total_seconds():g} s:"
        f" {', '.join(told) or 'somebody held a lock, who is gone meanwhile'}",
        "wait until that is done, end it with pg_terminate_backend, or set a longer lock_timeout",
    )
