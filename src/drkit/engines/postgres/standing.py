"""What stands at a target: whether the database is there, whether it holds anything, and whose unfinished work it is.

It only looks.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.server import Server
from drkit.errors import NotRestorable

MARK = "drkit: unfinished restore of"
_MAINTENANCE = ("postgres", "template1", "defaultdb")

_DATABASE = "select datistemplate, shobj_description(oid, 'pg_database') from pg_database where datname = %s"
# What an extension brought along is no content: an administrator may have had to create it beforehand.
_USED = """
with extended as (select classid, objid from pg_depend where deptype = 'e'),
     own as (select oid from pg_namespace where nspname <> 'information_schema' and nspname !~ '^pg_')
select exists (select from pg_class where relnamespace in (select oid from own)
                  and ('pg_class'::regclass, oid) not in (select classid, objid from extended))
    or exists (select from pg_proc where pronamespace in (select oid from own)
                  and ('pg_proc'::regclass, oid) not in (select classid, objid from extended))
    or exists (select from pg_type where typnamespace in (select oid from own) and typelem = 0 and typtype <> 'c'
                  and ('pg_type'::regclass, oid) not in (select classid, objid from extended)
                  and typtype <> 'm')
    or exists (select from pg_largeobject_metadata)
    or exists (select from pg_publication)
"""
_SCHEMAS = "select nspname::text from pg_namespace"


@dataclass(frozen=True, slots=True)
class Standing:
    """`used` is None where there is no such database; `schemas` are then none as well. `comment` may be a mark."""

    used: bool | None
    schemas: frozenset[str] = frozenset()
    comment: str = ""
    is_template: bool = False

    @property
    def is_unfinished(self) -> bool:
        return self.comment.startswith(MARK)


def look_at(server: Server) -> Standing:
    with maintenance(server) as connection:
        found = connection.execute(_DATABASE, [server.name]).fetchone()
    if found is None:
        return Standing(None)
    is_template, comment = found
    with server.session() as connection:
        [(used,)] = connection.execute(_USED)
        schemas = frozenset(name for (name,) in connection.execute(_SCHEMAS))
    return Standing(used, schemas, comment or "", is_template)


@contextmanager
def maintenance(server: Server) -> Iterator[psycopg.Connection]:
    """A session beside the target's database, for making and renaming it."""
    names = [name for name in _MAINTENANCE if name != server.name]
    with ExitStack() as stack:
        yield _first_session(stack, server, names)


def _first_session(stack: ExitStack, server: Server, names: Sequence[str]) -> psycopg.Connection:
    for name in names[:-1]:
        with suppress(NotRestorable):
            return stack.enter_context(server.database(name).session())
    return stack.enter_context(server.database(names[-1]).session())
