"""A server that recovers, waited for until it has reached its target or ended; and what it has reached.

It must not know how the server was started.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from drkit.engines.postgres.recovery.feed import Feed
from drkit.engines.postgres.recovery.stop import Stop
from drkit.engines.postgres.server import Server
from drkit.errors import DrkitError, NotRestorable
from drkit.when import format_moment

_BETWEEN_QUESTIONS = 0.05
_QUESTION = """
SELECT pg_is_in_recovery(),
       pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused',
       pg_last_xact_replay_timestamp(),
       pg_last_wal_replay_lsn()::text,
       (SELECT system_identifier::text FROM pg_control_system())
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """`last` is when the last transaction that was replayed ended; None where none was."""

    last: datetime | None
    lsn: str | None
    system: str
    paused: bool


def await_recovery(server: Server, feed: Feed, stop: Stop, last_words: Callable[[], str | None]) -> Reached:
    """`last_words` are None as long as the server lives. What kept log from coming is what is raised first."""
    while True:
        reached = _ask(server)
        if reached:
            _refuse_later(reached, stop)
            return reached
        said = last_words()
        if feed.error:
            raise feed.error
        if said is not None:
            raise NotRestorable(
                f"the server ended before it had recovered; its log ends with: {said}",
                "look at what it says, and see that memory and disk suffice",
            )
        time.sleep(_BETWEEN_QUESTIONS)


def _ask(server: Server) -> Reached | None:
    """None while it does not answer, or is still at work."""
    try:
        with server.session() as connection:
            [(recovering, paused, last, lsn, system)] = connection.execute(_QUESTION)
    except DrkitError:
        return None
    if recovering and not paused:
        return None
    return Reached(last.astimezone(UTC) if last else None, lsn, system, paused)


def _refuse_later(reached: Reached, stop: Stop) -> None:
    if reached.last and stop.not_after and reached.last > stop.not_after:
        raise NotRestorable(
            f"the server replayed a transaction of {format_moment(reached.last)}, which is after"
            f" {format_moment(stop.not_after)}",
            "nothing of it is to be used; choose another time, and report this",
        )
