"""The tables of a database and which of them a backup takes: found by SQL, chosen by patterns.

It reads no row. It must not know how rows travel.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg

from drkit.errors import CaptureError

ORDINARY, PARTITIONED = "r", "p"


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` are those that COPY writes. `parents` are the numbers of what it inherits from or is a partition of."""

    number: int
    schema: str
    name: str
    kind: str
    permanent: bool
    columns: tuple[str, ...]
    parents: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name


# Tables of an extension are left to pg_dump, which knows what of their content is configuration.
_TABLES = """
select c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relpersistence = 'p',
       (select coalesce(array_agg(a.attname::text order by a.attnum), '{}') from pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
       (select coalesce(array_agg(i.inhparent::bigint), '{}') from pg_inherits i where i.inhrelid = c.oid)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype = 'e')
 order by 2, 3
"""

_OWNED = """
select c.oid::bigint, n.nspname::text, c.relname::text
  from pg_depend d join pg_class c on c.oid = d.objid join pg_namespace n on n.oid = c.relnamespace
 where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
   and c.relkind = 'S' and d.refobjid = any(%s::oid[]) order by 2, 3
"""

_SCHEMAS = (
    "select nspname::text from pg_namespace where nspname <> 'information_schema' and nspname !~ '^pg_' order by 1"
)


def list_tables(connection: psycopg.Connection) -> list[Table]:
    return [
        Table(number, schema, name, kind, permanent, tuple(columns), tuple(parents))
        for number, schema, name, kind, permanent, columns, parents in connection.execute(_TABLES)
    ]


def measure(connection: psycopg.Connection, tables: Iterable[Table]) -> dict[int, int]:
    """The bytes of each heap, by the table's number. Unlike the catalogs this waits for locks."""
    numbers = [table.number for table in tables if table.kind == ORDINARY]
    sizes = connection.execute("select oid::bigint, pg_relation_size(oid) from unnest(%s::oid[]) as oid", [numbers])
    return {number: size or 0 for number, size in sizes}


def list_sequences(connection: psycopg.Connection, tables: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Schema and name of those that belong to these tables, by number."""
    return {number: (schema, name) for number, schema, name in connection.execute(_OWNED, [list(tables)])}


def list_schemas(connection: psycopg.Connection) -> list[str]:
    return [name for (name,) in connection.execute(_SCHEMAS)]


def match_schemas(patterns: Iterable[str], known: Sequence[str]) -> list[str]:
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = [name for name in known if _matches(pattern, name)]
        if not found:
            raise CaptureError(
                f"no schema matches {pattern!r}; the database has {', '.join(known) or 'none'}",
                "set `schemas` of this source to what is there",
            )
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def match_tables(patterns: Iterable[str], tables: Sequence[Table]) -> set[int]:
    """The numbers of what the patterns mean, with all partitions and heirs. `*` and `?` match as in a shell; a pattern
    without a dot means that name in any schema."""
    chosen = {
        table.number
        for pattern in patterns
        for table in tables
        if _matches(pattern, f"{table.schema}.{table.name}") or _matches(pattern, table.name)
    }
    while heirs := {table.number for table in tables if chosen & set(table.parents)} - chosen:
        chosen |= heirs
    return chosen


def _matches(pattern: str, name: str) -> bool:
    regex = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(regex, name, re.DOTALL) is not None
