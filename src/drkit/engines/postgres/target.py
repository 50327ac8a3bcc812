"""Where a database is restored to: made under a name that says it is unfinished, published by a rename at the end.

A database that exists and is empty is filled in place, as managed servers may allow nothing else; its comment then
says that it is unfinished. It must not know what is restored.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.conninfo import conninfo_to_dict

from drkit.engines.postgres.names import quote_name, quote_text
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.standing import MARK, Standing, look_at, maintenance
from drkit.errors import NotRestorable, UsageError

_SUFFIX = ".drkit-partial"
_LONGEST = 63  # bytes of a name
_LOCK = 0x64726B6974  # an advisory lock in the database that is being filled
_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """`working` is the server of the database to fill; `filled_in_place` if it bears its final name already."""

    working: Server
    name: str
    filled_in_place: bool


def check_target(server: Server, swap: bool) -> None:
    if not conninfo_to_dict(server.dsn).get("dbname"):
        raise UsageError("the target names no database", "write postgresql://user@host/new_database")
    if len(server.name.encode()) > _LONGEST:
        raise UsageError(f"the name {server.name} is longer than PostgreSQL's {_LONGEST} bytes", "choose a shorter one")
    _refuse_used(server, look_at(server), swap)


def _refuse_used(server: Server, standing: Standing, swap: bool) -> None:
    if standing.is_template:
        raise UsageError(f"{server} is a template for new databases", "choose the name of a database of its own")
    if standing.used and standing.is_unfinished:
        with server.session() as connection:
            if not _lock(connection):
                raise _busy(server)
        raise UsageError(
            f"{server} holds an unfinished restore", "drop it and create it again, empty; or choose a new name"
        )
    if standing.used and not swap:
        raise UsageError(
            f"{server} is not empty", "choose a new name, or use --swap, which keeps the old one under another name"
        )


@contextmanager
def open_place(
    server: Server, swap: bool, make: Callable[[psycopg.Connection, str], None], now: datetime
) -> Iterator[Place]:
    """`make` creates the database. A session in it is held all the time: by it others know that somebody is there."""
    name, standing = server.name, look_at(server)
    _refuse_used(server, standing, swap)
    in_place = standing.used is False
    working = server if in_place else server.database(name_beside(name, _SUFFIX))
    if not in_place:
        _remove_abandoned(working)
        with maintenance(working) as connection:
            make(connection, working.name)
    with working.session() as guard:
        if not _lock(guard) or (in_place and look_at(server).used):
            raise _busy(working)
        _remark(guard, working.name, f"{MARK} {name}, begun at {now.astimezone(UTC).isoformat(timespec='seconds')}")
        yield Place(working, name, in_place)
        if look_at(working).is_unfinished:  # the captured database's own comment may stand there by now
            _remark(guard, working.name, None)


def publish(server: Server, place: Place, swap: bool, patience: timedelta, now: datetime) -> str | None:
    """The last step. The name under which the old database is kept, if there was one."""
    if place.filled_in_place:
        return None
    working = place.working.name
    kept = name_beside(place.name, f".before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    with maintenance(server) as connection:
        taken = connection.execute("select from pg_database where datname = %s", [place.name]).fetchone() is not None
        if taken and not swap:
            raise UsageError(
                f"a database {place.name} has come into being meanwhile", f"what was restored stands in {working}"
            )
        renames = [(place.name, kept)] if taken else []
        _rename(connection, [*renames, (working, place.name)], patience)
    return kept if taken else None


def give_database(connection: psycopg.Connection, name: str, owner: str) -> None:
    connection.execute(f"ALTER DATABASE {quote_name(name)} OWNER TO {quote_name(owner)}".encode())


def name_beside(name: str, suffix: str) -> str:
    return name.encode()[: _LONGEST - len(suffix)].decode(errors="ignore") + suffix


def _rename(connection: psycopg.Connection, renames: list[tuple[str, str]], patience: timedelta) -> None:
    """All of them or none. The server itself waits five seconds for sessions to end, so it is asked when there seem
    to be none."""
    statements = [f"ALTER DATABASE {quote_name(old)} RENAME TO {quote_name(new)}" for old, new in renames]
    give_up_at = time.monotonic() + patience.total_seconds()
    while users := _who_is_in(connection, [old for old, _ in renames]):
        if time.monotonic() > give_up_at:
            raise _not_renamed(renames, statements, users)
        time.sleep(_PAUSE)
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.errors.ObjectInUse as error:
        users = _who_is_in(connection, [old for old, _ in renames])
        raise _not_renamed(renames, statements, users or "somebody") from error


def _not_renamed(renames: list[tuple[str, str]], statements: list[str], users: str) -> NotRestorable:
    return NotRestorable(
        f"all is restored and stands in {renames[-1][0]}, but {renames[0][0]} cannot be renamed: it is used by {users}",
        f"stop what uses it, and finish by hand in psql: BEGIN; {'; '.join(statements)}; COMMIT;",
    )


def _who_is_in(connection: psycopg.Connection, names: list[str]) -> str:
    sessions = connection.execute(
        "select coalesce(nullif(application_name, ''), 'a program without a name'), usename, count(*)"
        " from pg_stat_activity where datname = any(%s) and backend_type = 'client backend'"
        " group by 1, 2 order by 3 desc, 1 limit 5",
        [names],
    ).fetchall()
    return ", ".join(f"{program} as {user} ({count})" for program, user, count in sessions)


def _remove_abandoned(working: Server) -> None:
    """What a killed restore left is replaced, before and after it was marked; anything else is not ours to touch."""
    standing = look_at(working)
    if standing.used is None:
        return
    if standing.used and not standing.is_unfinished:
        raise UsageError(
            f"a database {working.name} stands in the way, and it is not an unfinished restore",
            "it may be a finished one that was not published: rename or drop it",
        )
    with working.session() as connection:
        if not _lock(connection):
            raise _busy(working)
    try:
        with maintenance(working) as connection:
            connection.execute(f"DROP DATABASE {quote_name(working.name)}".encode())
    except NotRestorable as error:
        if isinstance(error.__cause__, psycopg.errors.ObjectInUse):
            raise _busy(working) from error
        raise


def _lock(connection: psycopg.Connection) -> bool:
    """As long as this session lives, the database is filled by it alone."""
    [(locked,)] = connection.execute("select pg_try_advisory_lock(%s)", [_LOCK])
    return bool(locked)


def _busy(working: Server) -> UsageError:
    return UsageError(f"{working} is being filled by another restore", "wait for it to end, or choose another name")


def _remark(connection: psycopg.Connection, name: str, text: str | None) -> None:
    """Who may not comment on an existing database fills it without a mark."""
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"COMMENT ON DATABASE {quote_name(name)} IS {quote_text(text) if text else 'NULL'}".encode())
