"""The replication slot: what makes the server keep the log that is not in the store yet. Made, looked at, made anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError
from drkit.lsn import parse_lsn

_LOOK = """
SELECT slot_type, restart_lsn::text, active, active_pid, wal_status, safe_wal_size
  FROM pg_replication_slots WHERE slot_name = %s
"""
_ALONE = int.from_bytes(b"drk slot")  # for pg_advisory_lock


@dataclass(frozen=True, slots=True)
class Slot:
    """The server keeps all log from `restart` on; None says that it has given that up. `safe_bytes` is how much more
    may be written before it does, where it has a limit (max_slot_wal_keep_size)."""

    restart: int | None
    active_pid: int | None
    safe_bytes: int | None

    @property
    def lost(self) -> bool:
        return self.restart is None


def look_at_slot(connection: psycopg.Connection, server: Server, name: str) -> Slot | None:
    row = connection.execute(_LOOK, [name]).fetchone()
    if row is None:
        return None
    kind, restart, active, pid, status, safe = row
    if kind != "physical":
        raise CaptureError(
            f"the slot {name} of {server} is a {kind} one, so somebody else made it",
            'name another one for drkit: slot = "…"',
        )
    gone = restart is None or status == "lost"
    return Slot(None if gone else parse_lsn(restart), pid if active else None, safe)


def have_slot(connection: psycopg.Connection, server: Server, name: str) -> tuple[Slot | None, bool]:
    """As it stands; or made now, and then the server keeps its log from its last checkpoint on."""
    with _alone(connection):
        if found := look_at_slot(connection, server, name):
            return found, False
        _make(connection, name)
        return look_at_slot(connection, server, name), True


def renew_slot(connection: psycopg.Connection, server: Server, name: str) -> bool:
    """A new one, if the server has given up what it kept for the old one. Whether that was so."""
    with _alone(connection):
        found = look_at_slot(connection, server, name)
        if found and not found.lost:
            return False
        if found:
            connection.execute("SELECT pg_drop_replication_slot(%s)", [name])
        _make(connection, name)
        return True


def _make(connection: psycopg.Connection, name: str) -> None:
    connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [name])


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """A backup and a follower that start at once both find no slot, and one of the two could not make it. What fails
    inside ends the session, and the lock with that."""
    connection.execute("SELECT pg_advisory_lock(%s)", [_ALONE])
    yield
    connection.execute("SELECT pg_advisory_unlock(%s)", [_ALONE])
