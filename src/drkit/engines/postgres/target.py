"""Where a database is restored to: made under a name that says it is unfinished, published by a rename at the end.

A database that exists and is empty is filled in place, as managed servers may allow nothing else; its comment then
says that it is unfinished. It must not know what is restored.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.conninfo import conninfo_to_dict

from drkit.engines.postgres.names import quote_name, quote_text
from drkit.engines.postgres.server import Server
from drkit.errors import NotRestorable, UsageError

_SUFFIX = ".drkit-partial"
_MARK = "drkit: unfinished restore of"
_LONGEST = 63  # bytes of a name
_MAINTENANCE = ("postgres", "template1", "defaultdb")

_USED = """
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
                  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                                     and d.objid = c.oid and d.deptype = 'e'))
    or exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
                  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                                     and d.objid = p.oid and d.deptype = 'e'))
    or exists (select from pg_largeobject_metadata)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """`working` is the server of the database to fill; `filled_in_place` if it bears its final name already."""

    working: Server
    name: str
    filled_in_place: bool


def check_target(server: Server, swap: bool) -> None:
    if not conninfo_to_dict(server.dsn).get("dbname"):
        raise UsageError("the target names no database", "write postgresql://user@host/new_database")
    if _is_used(server) and not swap:
        raise UsageError(
            f"{server} is not empty", "choose a new name, or use --swap, which keeps the old one under another name"
        )


def _is_used(server: Server) -> bool | None:
    """Whether the database has anything in it; None if it does not exist."""
    with maintenance(server) as connection:
        found = connection.execute("select from pg_database where datname = %s", [server.name]).fetchone()
    if found is None:
        return None
    with server.session() as connection:
        [(used,)] = connection.execute(_USED)
    return bool(used)


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


@contextmanager
def open_place(server: Server, make: Callable[[psycopg.Connection, str], None], now: datetime) -> Iterator[Place]:
    """`make` creates the database. A session in it is held all the time: by it others know that somebody is there."""
    name = server.name
    used = _is_used(server)
    working = name if used is False else _named(name, _SUFFIX)
    if used is not False:
        with maintenance(server) as connection:
            _remove_abandoned(connection, working)
            make(connection, working)
    with server.database(working).session() as guard:
        _remark(guard, working, f"{_MARK} {name}, begun at {now.astimezone(UTC).isoformat(timespec='seconds')}")
        yield Place(server.database(working), name, used is False)
        _remark(guard, working, None)


def publish(server: Server, place: Place, swap: bool, patience: timedelta, now: datetime) -> str | None:
    """The last step. The name under which the old database is kept, if there was one."""
    if place.filled_in_place:
        return None
    working = place.working.name
    kept = _named(place.name, f".before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    with maintenance(server) as connection:
        taken = connection.execute("select from pg_database where datname = %s", [place.name]).fetchone() is not None
        if taken and not swap:
            raise UsageError(
                f"a database {place.name} has come into being meanwhile", f"what was restored stands in {working}"
            )
        renames = [(place.name, kept)] if taken else []
        _rename(connection, [*renames, (working, place.name)], patience)
    return kept if taken else None


def _rename(connection: psycopg.Connection, renames: list[tuple[str, str]], patience: timedelta) -> None:
    """All of them or none. The server itself waits five seconds for sessions to end, each time."""
    statements = [f"ALTER DATABASE {quote_name(old)} RENAME TO {quote_name(new)}" for old, new in renames]
    give_up_at = time.monotonic() + patience.total_seconds()
    while True:
        try:
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement)
        except psycopg.errors.ObjectInUse as error:
            if time.monotonic() < give_up_at:
                continue
            raise NotRestorable(
                f"all is restored, but {renames[0][0]} cannot be renamed: {_who_is_in(connection, renames[0][0])}",
                f"stop what uses it, and finish by hand in psql: BEGIN; {'; '.join(statements)}; COMMIT;",
            ) from error
        return


def _who_is_in(connection: psycopg.Connection, name: str) -> str:
    sessions = connection.execute(
        "select coalesce(nullif(application_name, ''), 'a program without a name'), usename, count(*)"
        " from pg_stat_activity where datname = %s group by 1, 2 order by 3 desc, 1 limit 5",
        [name],
    ).fetchall()
    return "it is in use by " + ", ".join(f"{program} as {user} ({count})" for program, user, count in sessions)


def _remove_abandoned(connection: psycopg.Connection, working: str) -> None:
    """What a killed restore left is replaced; anything else of that name is not ours to touch."""
    found = connection.execute(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = %s", [working]
    ).fetchone()
    if found is None:
        return
    if not str(found[0]).startswith(_MARK):
        raise UsageError(
            f"a database {working} stands in the way, and it is not an unfinished restore",
            "it may be a finished one that was not published: rename or drop it",
        )
    try:
        connection.execute(f"DROP DATABASE {quote_name(working)}")
    except psycopg.errors.ObjectInUse as error:
        raise UsageError(
            f"{working} is being filled by another restore: {_who_is_in(connection, working)}", "wait for it to end"
        ) from error


def _remark(connection: psycopg.Connection, name: str, text: str | None) -> None:
    """Who may not comment on an existing database fills it without a mark."""
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"COMMENT ON DATABASE {quote_name(name)} IS {quote_text(text) if text else 'NULL'}")


def _named(name: str, suffix: str) -> str:
    return name.encode()[: _LONGEST - len(suffix)].decode(errors="ignore") + suffix
