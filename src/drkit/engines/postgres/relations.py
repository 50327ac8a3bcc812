"""What a restored database has of tables and sequences, and what of their rows can be told from outside.

By names as they are: not every spelling of a name that a statement may use can be looked up with to_regclass.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.contents import Name


@dataclass(frozen=True, slots=True)
class Relation:
    """`hidden`: row security may keep rows from whoever asks. `router` is the table that decides anew, in each
    database, in which of its partitions a row stands: one that is partitioned by the hash of an enum."""

    name: Name
    hidden: bool
    router: Name | None


# The hash of an enum's value is that of its number, which is another one in each database.
_ROUTED = """
with recursive routers as (
    select p.partrelid as number, p.partrelid as router from pg_partitioned_table p
     where p.partstrat = 'h' and exists (
         select from pg_attribute a join pg_type t on t.oid = a.atttypid
          where a.attrelid = p.partrelid and a.attnum = any(p.partattrs) and t.typtype = 'e')
), routed as (
    select number, router, 0 as depth from routers
     union all
    select i.inhrelid, r.router, r.depth + 1 from routed r join pg_inherits i on i.inhparent = r.number
)
"""
_RELATIONS = f"""
{_ROUTED}
select n.nspname::text, c.relname::text, row_security_active(c.oid), rn.nspname::text, rc.relname::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  left join lateral (select router from routed where number = c.oid order by depth desc limit 1) top on true
  left join pg_class rc on rc.oid = top.router left join pg_namespace rn on rn.oid = rc.relnamespace
 where c.relkind in ('r', 'S') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
"""


def list_relations(connection: psycopg.Connection) -> dict[Name, Relation]:
    return {each.name: each for each in _relations(connection)}


def _relations(connection: psycopg.Connection) -> Iterator[Relation]:
    for schema, name, hidden, router_schema, router in connection.execute(_RELATIONS):
        yield Relation((schema, name), hidden, None if router is None else (router_schema, router))


def list_rerouted(connection: psycopg.Connection) -> set[int]:
    """The numbers of those whose rows may have to go elsewhere in a new database. pg_dump knows how to load them."""
    return {number for (number,) in connection.execute(f"{_ROUTED} select number::bigint from routed")}
