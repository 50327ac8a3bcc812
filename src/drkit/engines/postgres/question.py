"""A question of the user's own to a restored database: one statement, which can change nothing, and its first value.

It must not know which answer is expected.
"""

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg

from drkit.engines.postgres.server import PINNED, Server
from drkit.errors import NotRestorable
from drkit.model import Answer

# The user's names are found where the application finds them.
_PINNED = {name: value for name, value in PINNED.items() if name != "search_path"}
_CANCELLED = "57014"


def ask(server: Server, question: str, timeout: timedelta) -> Answer:
    limit = max(1, timeout // timedelta(milliseconds=1))
    asking = replace(server, pinned=_PINNED)
    with asking.session(statement_timeout=str(limit)) as connection:
        connection.execute("BEGIN READ ONLY")
        try:
            return _plain(_first_value(connection, question))
        except psycopg.Error as error:
            if connection.broken:
                raise
            raise _refused(server, error, timeout) from None


def _first_value(connection: psycopg.Connection, question: str) -> Any:
    """As a stream it is one statement or an error, and no more rows are fetched than this one."""
    rows = connection.cursor().stream(question.encode())
    try:
        first = next(rows, None)
    finally:
        if isinstance(rows, Generator):
            rows.close()
    return first[0] if first else None


def _plain(value: Any) -> Answer:
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _refused(server: Server, error: psycopg.Error, timeout: timedelta) -> NotRestorable:
    if error.sqlstate == _CANCELLED:
        return NotRestorable(f"no answer came within {timeout.total_seconds():g} s", "give the check a longer timeout")
    words = error.diag.message_primary or "the statement gives no rows"
    return NotRestorable(f"PostgreSQL refused the question: {server.redact(words)}", "try it in psql")
