"""What a capture notes down of its server, so that nobody has to ask that server again when the backup is restored.

It must not know what the notes are for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import psycopg

from drkit.engines.postgres.archive_head import Entry

# pg_dump does not look at who calls the functions of extensions: here is who does, and the object that it may have
# been written into.
_CALLERS = """
select e.extname::text, d.classid::bigint, d.objid::bigint,
       case when c.contypid <> 0 then 'pg_type'::regclass else 'pg_class'::regclass end::oid::bigint,
       coalesce(a.adrelid, w.ev_class, nullif(c.contypid, 0), c.conrelid, 0)::bigint
  from pg_depend m
  join pg_extension e on m.refclassid = 'pg_extension'::regclass and m.refobjid = e.oid and m.deptype = 'e'
  join pg_depend d on d.refclassid = m.classid and d.refobjid = m.objid and d.deptype in ('n', 'a')
  left join pg_attrdef a on d.classid = 'pg_attrdef'::regclass and a.oid = d.objid
  left join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
  left join pg_constraint c on d.classid = 'pg_constraint'::regclass and c.oid = d.objid
 where m.classid = 'pg_proc'::regclass
"""
_REMARKS = ("ACL", "COMMENT", "SECURITY LABEL")
_MEMBERS = """
select e.extname::text, coalesce(n.nspname, '')::text,
       coalesce(c.relname, p.proname, t.typname, f.fdwname, l.lanname)::text
  from pg_depend m
  join pg_extension e on m.refclassid = 'pg_extension'::regclass and m.refobjid = e.oid and m.deptype = 'e'
  left join pg_class c on m.classid = 'pg_class'::regclass and c.oid = m.objid
  left join pg_proc p on m.classid = 'pg_proc'::regclass and p.oid = m.objid
  left join pg_type t on m.classid = 'pg_type'::regclass and t.oid = m.objid
  left join pg_foreign_data_wrapper f on m.classid = 'pg_foreign_data_wrapper'::regclass and f.oid = m.objid
  left join pg_language l on m.classid = 'pg_language'::regclass and l.oid = m.objid
  left join pg_namespace n on n.oid = coalesce(c.relnamespace, p.pronamespace, t.typnamespace)
 where coalesce(c.oid, p.oid, t.oid, f.oid, l.oid) is not null
"""
# `TABLE settings`, `COLUMN settings.value`, `FUNCTION answer(integer)`
_REMARKED = re.compile(r'(?:[A-Z]+ )+(?P<name>"(?:[^"]|"")*"|[^(."]+)(?:$|[(.])')


def read_system(connection: psycopg.Connection) -> str | None:
    """The number that initdb gave to the server, and which its physical copies share. None where it is not told."""
    with suppress(psycopg.Error), connection.transaction():
        [(number,)] = connection.execute("SELECT system_identifier FROM pg_control_system()")
        return str(number)
    return None


def read_size(connection: psycopg.Connection) -> int | None:
    with suppress(psycopg.Error), connection.transaction():
        [(size,)] = connection.execute("SELECT pg_database_size(current_database())")
        return int(size)
    return None


def find_needs(connection: psycopg.Connection, entries: Sequence[Entry]) -> Mapping[str, tuple[int, ...]]:
    """By the name of an extension, the entries that cannot be without it, beside those for which the archive tells."""
    found: dict[str, set[int]] = {}
    for extension, number in (*_callers(connection, entries), *_belongings(connection, entries)):
        found.setdefault(extension, set()).add(number)
    return {extension: tuple(sorted(each)) for extension, each in sorted(found.items())}


def _callers(connection: psycopg.Connection, entries: Sequence[Entry]) -> Iterator[tuple[str, int]]:
    numbers = {(each.catalog, each.oid): each.number for each in entries if each.catalog}
    for extension, catalog, oid, owners_catalog, owner in connection.execute(_CALLERS):
        number = numbers.get((catalog, oid)) or numbers.get((owners_catalog, owner))
        if number:
            yield extension, number


def _belongings(connection: psycopg.Connection, entries: Sequence[Entry]) -> Iterator[tuple[str, int]]:
    """The rows of an extension's own tables, and privileges and the like on what it made: pg_dump says only that they
    depend on something that is not in the archive."""
    members = {(schema, name): extension for extension, schema, name in connection.execute(_MEMBERS)}
    present = {each.number for each in entries}
    for each in entries:
        if each.depends and each.depends[0] not in present:
            remarked = _REMARKED.match(each.name) if each.kind in _REMARKS else None
            name = remarked["name"].strip('"').replace('""', '"') if remarked else each.name
            if extension := members.get((each.schema, name)):
                yield extension, each.number
