"""What cannot come back without the relations that a backup leaves out: views go with them, all else is refused.

pg_dump leaves out what it is told to, and writes down a foreign key or a view all the same; the restore then fails.
"""

from collections.abc import Collection, Sequence

import psycopg

from drkit.errors import CaptureError

_MOST_NAMED = 3

# All that is not to be dumped: what is left out, or lies in another schema.
_LOST = """
select c.oid::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')
   and (c.oid = any(%(out)s::oid[]) or (%(schemas)s::text[] <> '{}' and n.nspname <> all(%(schemas)s)))
"""
_VIEWS = """
with recursive lost(number) as (
    select unnest(%(lost)s::oid[])
     union
    select r.ev_class from lost l
      join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = l.number
      join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
      join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm')
)
select c.oid::bigint, n.nspname::text, c.relname::text
  from lost join pg_class c on c.oid = lost.number join pg_namespace n on n.oid = c.relnamespace
 where c.oid <> all(%(lost)s::oid[]) order by 2, 3
"""
_OBSTACLES = """
with lost_types as (
    select unnest(array[t.oid, t.typarray]) as number from pg_class c join pg_type t on t.oid = c.reltype
     where c.oid = any(%(lost)s::oid[])
), owned as (
    select d.*, coalesce(co.conrelid, tg.tgrelid, po.polrelid, ad.adrelid, rw.ev_class,
                         case when d.classid = 'pg_class'::regclass then d.objid end) as relation
      from pg_depend d
      left join pg_constraint co on d.classid = 'pg_constraint'::regclass and co.oid = d.objid
      left join pg_trigger tg on d.classid = 'pg_trigger'::regclass and tg.oid = d.objid
      left join pg_policy po on d.classid = 'pg_policy'::regclass and po.oid = d.objid
      left join pg_attrdef ad on d.classid = 'pg_attrdef'::regclass and ad.oid = d.objid
      left join pg_rewrite rw on d.classid = 'pg_rewrite'::regclass and rw.oid = d.objid
     where d.deptype = 'n' and (d.refclassid = 'pg_class'::regclass and d.refobjid = any(%(lost)s::oid[])
        or d.refclassid = 'pg_type'::regclass and d.refobjid in (select number from lost_types))
)
select distinct pg_describe_object(o.classid, o.objid, 0) from owned o
  left join pg_class c on c.oid = o.relation left join pg_proc p on o.classid = 'pg_proc'::regclass and p.oid = o.objid
  join pg_namespace n on n.oid = coalesce(c.relnamespace, p.pronamespace)
 where (o.relation is null or o.relation <> all(%(lost)s::oid[]))
   and (%(schemas)s::text[] = '{}' or n.nspname = any(%(schemas)s)) order by 1
"""


def leave_out_dependents(
    connection: psycopg.Connection, out: Collection[int], schemas: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """The views that have to be left out as well, where `out` are tables and their sequences. CaptureError names what
    else could not be restored."""
    if not out and not schemas:
        return ()
    scope = {"out": list(out), "schemas": list(schemas)}
    lost = [number for (number,) in connection.execute(_LOST, scope)]
    views = connection.execute(_VIEWS, {"lost": lost}).fetchall()
    lost += [number for number, _, _ in views]
    obstacles = [str(told) for (told,) in connection.execute(_OBSTACLES, {"lost": lost, "schemas": list(schemas)})]
    if obstacles:
        more = f" and {len(obstacles) - _MOST_NAMED} more" if len(obstacles) > _MOST_NAMED else ""
        raise CaptureError(
            f"what is left out is needed by what is not: {', '.join(obstacles[:_MOST_NAMED])}{more}",
            "use exclude_data, which keeps the tables and leaves out their rows, or take in what is needed",
        )
    return tuple((schema, name) for _, schema, name in views)
