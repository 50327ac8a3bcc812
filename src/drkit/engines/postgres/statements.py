"""Questions to the catalogs that all databases of a server share, and statements that may be refused.

A refused statement is told without the values in it, as a value can be a secret.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg

from drkit.engines.postgres.names import codec_of

# These lead to a value.
_VALUE = re.compile(r" = | IS | PASSWORD .*")
_ABOUT_VALUES = {"22023", "22P02", "XX000"}
_RAW = """
SELECT getdatabaseencoding()::text, decode(replace(row_to_json(q)::text, E'\\\\', E'\\\\\\\\'), 'escape') FROM ({}) q
"""


def ask(connection: psycopg.Connection, question: str) -> list[list[Any]]:
    """The rows of a SELECT, with texts as they are kept.

    A shared catalog has no encoding: the bytes of a name are those of the database in which it was given, and any other
    database takes them for its own. So they are read as bytes; what is valid UTF-8 was meant so.
    """
    rows = connection.execute(_RAW.format(question).encode()).fetchall()
    return [json.loads(_decoded(raw, encoding), object_pairs_hook=_values) for encoding, raw in rows]


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(codec_of(encoding), errors="backslashreplace")


def _values(pairs: list[tuple[str, Any]]) -> list[Any]:
    return [value for _, value in pairs]


def attempt(connection: psycopg.Connection, statement: str) -> Iterator[str]:
    """A note if the server refuses it; raised is only what ends the connection."""
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        if connection.broken:
            raise
        yield f"not restored: {_without_values(statement)}: {_reason(error)}"


def _without_values(statement: str) -> str:
    return _VALUE.split(statement, maxsplit=1)[0] + (" PASSWORD" if " PASSWORD " in statement else "")


def _reason(error: psycopg.Error) -> str:
    if error.sqlstate in _ABOUT_VALUES:
        return "the server does not accept the value"
    return error.diag.message_primary or "the server refuses it"
