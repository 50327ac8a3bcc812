"""What a capture will need, looked at before anything is at stake. It waits for no lock and changes nothing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg

from drkit.engines.postgres.choice import list_captured
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.programs import UPDATE, choose_programs, find_programs, known_holes
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError
from drkit.model import Finding
from drkit.ports import Clock

_SKEW = timedelta(seconds=5)
_MOST_NAMED = 5
_READ_ALL = "GRANT pg_read_all_data TO the role, or leave them out with exclude_tables"

_UNUSABLE = """
select n.nspname::text from pg_namespace n
 where exists (select from pg_class c where c.relnamespace = n.oid and c.oid = any(%(tables)s::oid[]))
   and not has_schema_privilege(n.oid, 'USAGE') order by 1
"""
_UNREADABLE = """
select c.oid::regclass::text from pg_class c
 where c.oid = any(%(tables)s::oid[]) and not has_table_privilege(c.oid, 'SELECT') order by 1
"""
_SEQUENCES = """
select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and (%(schemas)s::text[] = '{}' or n.nspname = any(%(schemas)s))
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                      and d.deptype in ('a', 'i') and d.refobjid = any(%(left_out)s::oid[]))
   and not has_table_privilege(c.oid, 'SELECT') order by 1
"""
_LARGE_OBJECTS = """
select m.oid::text from pg_largeobject_metadata m
 where not (select rolsuper from pg_roles where rolname = current_user)
   and current_setting('lo_compat_privileges') = 'off' and not pg_has_role(m.lomowner, 'USAGE')
   and not exists (select from aclexplode(m.lomacl) a where a.privilege_type = 'SELECT'
                      and (a.grantee = 0 or pg_has_role(a.grantee, 'USAGE'))) order by m.oid
"""
# What row security hides from this role would make pg_dump stop.
_HIDDEN = """
select c.oid::regclass::text from pg_class c
 where c.oid = any(%(tables)s::oid[]) and row_security_active(c.oid) order by 1
"""
_CONNECTIONS = """
select sum(setting::int * case name when 'max_connections' then 1 else -1 end)
       - (select coalesce(sum(numbackends), 0) from pg_stat_database) + 1
  from pg_settings where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""


def look_ahead(server: Server, options: DumpOptions, clock: Clock) -> Iterator[Finding]:
    """Ends at the first finding that makes the others pointless. A pooler is refused with the first session."""
    try:
        with server.session() as connection:
            facts = look_at_server(connection, clock, CaptureError)
            yield Finding("server", True, f"{server} is PostgreSQL {facts.version_text}, asked as {facts.role}")
            yield from _look_at_programs(facts, options)
            yield _look_at_clock(facts)
            yield _look_at_connections(connection, options)
            yield _look_at_roles(facts)
            yield from _look_at_rights(connection, options)
    except CaptureError as error:
        yield Finding("server", False, str(error), error.hint)


def _look_at_programs(facts: Facts, options: DumpOptions) -> Iterator[Finding]:
    try:
        programs = choose_programs(find_programs(options.programs), facts.major)
    except CaptureError as error:
        yield Finding("programs", False, str(error), error.hint)
        return
    version = f"{programs.major}.{programs.minor}"
    yield Finding("programs", True, f"pg_dump, pg_restore and psql {version}: {programs.folder}")
    if holes := known_holes(programs):
        yield Finding("programs without known holes", False, holes, UPDATE)


def _look_at_clock(facts: Facts) -> Finding:
    side = "ahead of" if facts.ahead > timedelta(0) else "behind"
    told = f"the server's clock is {abs(facts.ahead.total_seconds()):.1f} s {side} ours"
    return Finding("clock", abs(facts.ahead) < _SKEW, told, "set both by NTP: a point's time is told by our clock")


def _look_at_connections(connection: psycopg.Connection, options: DumpOptions) -> Finding:
    [(left,)] = connection.execute(_CONNECTIONS)
    needed = options.workers + 1
    lack = f"a capture takes up to {needed} at once, and there is room for {max(0, left)}"
    told = "there is room for those of a capture" if left >= needed else lack
    return Finding("connections", left >= needed, told, "raise max_connections, or set jobs = 1")


def _look_at_roles(facts: Facts) -> Finding:
    without = "without their passwords, which only a superuser may read" if not facts.reads_passwords else ""
    return Finding("roles", True, f"they are captured {without or 'with their passwords'}")


def _look_at_rights(connection: psycopg.Connection, options: DumpOptions) -> Iterator[Finding]:
    try:
        captured, left_out = list_captured(connection, options)
    except CaptureError as error:
        yield Finding("schemas", False, str(error), error.hint)
        return
    scope = {
        "tables": [table.number for table in captured],
        "left_out": [table.number for table in left_out],
        "schemas": sorted({table.schema for table in captured}) if options.schemas else [],
    }
    large_objects = "GRANT SELECT ON LARGE OBJECT …; pg_read_all_data does not reach them before PostgreSQL 18"
    for check, question, hint in (
        ("schemas may be used", _UNUSABLE, _READ_ALL),
        ("tables may be read", _UNREADABLE, _READ_ALL),
        ("sequences may be read", _SEQUENCES, _READ_ALL),
        ("large objects may be read", _LARGE_OBJECTS, large_objects),
        ("row security lets all rows pass", _HIDDEN, "ALTER ROLE … BYPASSRLS, or back up as the tables' owner"),
    ):
        yield _look_at(connection, check, question, scope, hint)


def _look_at(connection: psycopg.Connection, check: str, question: str, scope: dict[str, Any], hint: str) -> Finding:
    names = [str(name) for (name,) in connection.execute(question.encode(), scope)]
    if not names:
        return Finding(check, True, "all of them")
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return Finding(check, False, f"not these: {', '.join(names[:_MOST_NAMED])}{more}", hint)
