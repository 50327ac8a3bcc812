"""Databases on a scratch server that somebody runs for drkit: named after the run, dropped after it, swept if it died.

A run lives while it has a session in the database that bears its name. It must not know what is restored.
"""

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from typing import Any

from drkit.disk.processes import end_commands
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.names import quote_name, quote_text
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.settings import ask_settings
from drkit.engines.postgres.scratch.source import refuse_source
from drkit.engines.postgres.server import Server
from drkit.errors import NotRestorable
from drkit.ports import Clock

Ask = Callable[..., list[tuple[Any, ...]]]

_PREFIX = "drkit_scratch_"
_MARK = "drkit: scratch databases of"
_ONE_AT_A_TIME = 0x64726B6974  # for pg_advisory_lock
_RUN = f"^{_PREFIX}[0-9a-f]{{16}}$"
_DEAD = """
SELECT datname::text FROM pg_database d
 WHERE datname ~ %s
   AND coalesce(starts_with(shobj_description(oid, 'pg_database'), %s), true)
   AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend')
"""
# the one that tells whose they are goes last
_OF_RUN = "SELECT datname::text FROM pg_database WHERE starts_with(datname, %s) ORDER BY datname DESC"


@contextmanager
def scratch_database(dsn: str, source: Server | None, system: str | None, clock: Clock) -> Iterator[ScratchServer]:
    """`source` and `system`, the number of its server, say what must not be touched, as far as anybody knows.

    Roles belong to a server and not to a database: those that a restore makes stay there. What the user's commands left
    running here is ended.
    """
    server = parse_dsn(dsn, NotRestorable)
    refuse_source(server, source, system)
    run = f"{_PREFIX}{secrets.token_hex(8)}"
    since = clock().astimezone(UTC)
    mark = f"{_MARK} {socket.gethostname()}, begun at {since.isoformat(timespec='seconds')}"
    with _reserved(server, run, mark) as major:
        yield ScratchServer(
            lambda name: server.database(f"{run}_{name}").dsn,
            major,
            ask_settings(server),
            None,
            f"databases {run}_… at {server} (PostgreSQL {major})",
            since,
        )


@contextmanager
def _reserved(server: Server, run: str, mark: str) -> Iterator[int]:
    """The server's major version, while the run's own database stands with a session in it."""
    with ExitStack() as life:
        with _sole(server) as ask:
            for (dead,) in ask(_DEAD, _RUN, _MARK):
                end_commands(dead)
                _drop(ask, dead)
            life.callback(_drop_all, server, run)  # before it is made: an interrupt may come in between
            life.callback(end_commands, run)
            ask(f"CREATE DATABASE {quote_name(run)} TEMPLATE template0")
            guard = life.enter_context(server.database(run).session())
            guard.execute(f"COMMENT ON DATABASE {quote_name(run)} IS {quote_text(mark)}")
        yield guard.info.server_version // 10_000


@contextmanager
def _sole(server: Server) -> Iterator[Ask]:
    """Nobody else makes or drops here meanwhile: a database between its making and its first session is not dead."""
    with server.session() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])

        def ask(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
            answer = connection.execute(statement, parameters)
            return answer.fetchall() if answer.description else []

        yield ask


def _drop_all(server: Server, run: str) -> None:
    with _sole(server) as ask:
        _drop(ask, run)


def _drop(ask: Ask, run: str) -> None:
    for (name,) in ask(_OF_RUN, run):
        ask(f"DROP DATABASE IF EXISTS {quote_name(name)} WITH (FORCE)")
