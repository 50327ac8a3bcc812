"""What a capture notes down of its server, so that nobody has to ask that server again when the backup is restored.

It must not know what the notes are for.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import psycopg

from drkit.engines.postgres.archive_head import Entry

# The functions of extensions are all that pg_dump does not look at: whoever calls one is found here, with the object
# that it may have been written into.
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


def find_needs(connection: psycopg.Connection, entries: Iterable[Entry]) -> Mapping[str, tuple[int, ...]]:
    """By the name of an extension, the entries that call its functions."""
    numbers = {(each.catalog, each.oid): each.number for each in entries if each.catalog}
    found: dict[str, set[int]] = {}
    for extension, catalog, oid, owners_catalog, owner in connection.execute(_CALLERS):
        number = numbers.get((catalog, oid)) or numbers.get((owners_catalog, owner))
        if number:
            found.setdefault(extension, set()).add(number)
    return {extension: tuple(sorted(each)) for extension, each in sorted(found.items())}
