"""pg_amcheck over a restored database: whether its heaps and indexes are sound. Nothing of it stays there.

It must not know what the rows should be.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.server import Server
from drkit.errors import DrkitError
from drkit.model import Check
from drkit.streams.process import family

_NAME, _EXPECTED = "amcheck", "sound tables and indexes"
_UNSOUND = 2  # the program's status when it found something
_SHOWN = 500


class _Ended(DrkitError):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class _Missing(DrkitError):
    """What the check would need."""


def check_structure(server: Server, programs: Programs, jobs: int) -> Check:
    try:
        with _extension(server):
            found = _run(server, programs, jobs)
    except _Missing as error:
        return Check(_NAME, "not testable", _EXPECTED, str(error))
    except _Ended as error:
        said = f"pg_amcheck ended with {error.status}: {server.redact(str(error))[:_SHOWN]}"
        return Check(_NAME, "not testable", _EXPECTED, said)
    told = server.redact(found.decode(errors="replace"))[:_SHOWN]
    return Check(_NAME, "failed" if told else "passed", _EXPECTED, told or _EXPECTED)


def _run(server: Server, programs: Programs, jobs: int) -> bytes:
    """What it found."""
    program = programs.path("pg_amcheck")
    if not os.access(program, os.X_OK):
        raise _Missing(f"there is no pg_amcheck in {programs.folder}")
    _, address = server.arguments()
    said = bytearray()
    with family() as children:
        command = [program, "--no-password", f"--jobs={jobs}", address]
        try:
            for chunk in children.read(command, server.environment(programs), _Ended):
                said += chunk
        except _Ended as error:
            if error.status != _UNSOUND:
                raise
            return bytes(said) or str(error).encode()
    return b""


@contextmanager
def _extension(server: Server) -> Iterator[None]:
    """It is there for the block, and afterwards only if it was there before."""
    # a restored database may forbid to write
    with server.session(default_transaction_read_only="off") as connection:
        offered = connection.execute("SELECT installed_version FROM pg_available_extensions WHERE name = 'amcheck'")
        match offered.fetchone():
            case None:
                raise _Missing("the server does not have the extension amcheck")
            case (None,):
                _install(connection)
                try:
                    yield
                finally:
                    connection.execute("DROP EXTENSION amcheck")
            case _:
                yield


def _install(connection: psycopg.Connection) -> None:
    try:
        connection.execute("CREATE EXTENSION amcheck SCHEMA pg_catalog")
    except psycopg.errors.InsufficientPrivilege as error:
        raise _Missing(f"the extension amcheck cannot be installed: {error.diag.message_primary}") from None
