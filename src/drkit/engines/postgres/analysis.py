"""ANALYZE of a restored database, table by table: one statement for all would end at the first foreign server that is
down, and would read the tables one after the other."""

from collections.abc import Callable, Sequence
from functools import partial

from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.server import Server

_ANALYZED = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
   and (c.relkind in ('r', 'm') or c.relkind = 'p' and not exists (
         select from pg_partition_tree(c.oid) t join pg_class l on l.oid = t.relid where l.relkind = 'f'))
 order by c.relpages desc, 1
"""


def analyze(server: Server, jobs: int, stop: Callable[[], None]) -> None:
    with server.session() as connection:
        names = [name for (name,) in connection.execute(_ANALYZED)]
    run_together([partial(_analyze, server, names[worker::jobs]) for worker in range(jobs)], jobs, stop)


def _analyze(server: Server, names: Sequence[str]) -> None:
    with server.session(**server.restoring) as connection:
        for name in names:
            connection.execute(f"ANALYZE {name}".encode())
