"""What a capture notes down of its server, so that nobody has to ask that server again when the backup is restored.

It must not know what the notes are for.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psycopg

from drkit.engines.postgres.archive_head import Entry

# What a session has set for itself is not the server's.
_SETTINGS = """
SELECT name, CASE source WHEN 'session' THEN reset_val ELSE current_setting(name) END
  FROM pg_settings WHERE name = ANY(%s)
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


def read_settings(connection: psycopg.Connection, names: Sequence[str]) -> dict[str, str]:
    """What this role may not see is left out."""
    return dict(connection.execute(_SETTINGS, [list(names)]).fetchall())


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


def find_belongings(connection: psycopg.Connection, entries: Sequence[Entry]) -> Mapping[str, tuple[int, ...]]:
    """The numbers of the entries for an extension's own tables, sequences and functions, by its name: of these pg_dump
    says only that they depend on something that is not in the archive."""
    members = {(schema, name): extension for extension, schema, name in connection.execute(_MEMBERS)}
    present = {each.number for each in entries}
    found: dict[str, list[int]] = {}
    for each in entries:
        if each.depends and each.depends[0] not in present:
            remarked = _REMARKED.match(each.name) if each.kind in _REMARKS else None
            name = remarked["name"].strip('"').replace('""', '"') if remarked else each.name
            if extension := members.get((each.schema, name)):
                found.setdefault(extension, []).append(each.number)
    return {extension: tuple(numbers) for extension, numbers in sorted(found.items())}
