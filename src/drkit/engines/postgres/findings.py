"""What a capture will need, looked at before anything is at stake."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg

from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.programs import choose_programs, find_programs, known_holes
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError
from drkit.model import Finding
from drkit.ports import Clock

_SKEW = timedelta(seconds=5)
_UNREADABLE = """
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not has_table_privilege(c.oid, 'SELECT') order by 1
"""
# What row security hides from this role would make pg_dump stop.
_HIDDEN = """
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and row_security_active(c.oid) order by 1
"""


def look_ahead(server: Server, options: DumpOptions, clock: Clock) -> Iterator[Finding]:
    """Ends at the first finding that makes the others pointless."""
    try:
        with server.session() as connection:
            facts = look_at_server(connection, clock, CaptureError)
            yield Finding("server", True, f"{server} is PostgreSQL {facts.version_text}, asked as {facts.role}")
            yield from _look_at_programs(facts, options)
            yield _look_at_clock(facts)
            yield _look_at_rights(connection, "tables may be read", _UNREADABLE, "GRANT pg_read_all_data TO the role")
            connection.execute("SET row_security = on")
            yield _look_at_rights(connection, "row security lets all rows pass", _HIDDEN, "ALTER ROLE … BYPASSRLS")
    except CaptureError as error:
        yield Finding("server", False, str(error), error.hint)


def _look_at_programs(facts: Facts, options: DumpOptions) -> Iterator[Finding]:
    try:
        programs = choose_programs(find_programs(options.programs), facts.major)
    except CaptureError as error:
        yield Finding("programs", False, str(error), error.hint)
        return
    yield Finding(
        "programs", True, f"pg_dump, pg_restore and psql {programs.major}.{programs.minor}: {programs.folder}"
    )
    if holes := known_holes(programs):
        yield Finding(
            "programs without known holes", False, holes, "update the package of PostgreSQL's client programs"
        )


def _look_at_clock(facts: Facts) -> Finding:
    side = "ahead of" if facts.ahead > timedelta(0) else "behind"
    told = f"the server's clock is {abs(facts.ahead.total_seconds()):.1f} s {side} ours"
    return Finding("clock", abs(facts.ahead) < _SKEW, told, "set both by NTP: a point's time is told by our clock")


def _look_at_rights(connection: psycopg.Connection, check: str, question: str, hint: str) -> Finding:
    names = [str(name) for (name,) in connection.execute(question.encode())]
    if not names:
        return Finding(check, True, "all of them")
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Finding(check, False, f"not these: {shown}", hint)
