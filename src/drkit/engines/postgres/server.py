"""One database on one server: how this process and its children reach it, and what the server says of itself.

A password goes to libpq or to the environment of one child; it never stands in arguments, logs or errors.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from drkit.engines.postgres.programs import Programs
from drkit.errors import CaptureError, ConfigError, DrkitError

# What a value looks like as text must not depend on who asks: fingerprints are taken of that text.
PINNED = {
    "bytea_output": "hex",
    "datestyle": "ISO, YMD",
    "extra_float_digits": "3",
    "intervalstyle": "postgres",
    "lc_monetary": "C",
    "timezone": "UTC",
    "xmloption": "content",
    "synchronize_seqscans": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "row_security": "off",
}
_SPECIAL, _ESCAPED = re.compile(r"([ \\])"), r"\\\1"
_PASSWORDS = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)|(://[^:@/\s]*:)[^@/\s]*@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Server:
    """`dsn` may hold a password, so it is never shown."""

    dsn: str = field(repr=False)

    def __str__(self) -> str:
        known = conninfo_to_dict(self.dsn)
        place = f"{known.get('host', 'the local socket')}:{known.get('port', 5432)}"
        return f"{place}/{known.get('dbname') or known.get('user') or 'postgres'}"

    def database(self, name: str) -> "Server":
        return Server(make_conninfo(self.dsn, dbname=name))

    @contextmanager
    def session(self, **settings: str) -> Iterator[psycopg.Connection]:
        """An autocommit connection with the pinned settings."""
        known = conninfo_to_dict(self.dsn)
        options = f"{known.get('options') or ''} {_options({**PINNED, **settings})}".strip()
        fixed = {"options": options, "application_name": "drkit"}
        timeout = known.get("connect_timeout") or 15
        try:
            connection = psycopg.connect(make_conninfo(self.dsn, **fixed), autocommit=True, connect_timeout=timeout)
        except psycopg.Error as error:
            raise cannot_connect(self, error) from None
        with connection:
            yield connection

    def environment(self, programs: Programs, **settings: str) -> dict[str, str]:
        """For one child: libpq's own variables say where and as whom, so that no argument has to."""
        parsed = pq.Conninfo.parse(self.dsn.encode())
        given = {each.envvar.decode(): each.val.decode() for each in parsed if each.envvar and each.val is not None}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        options = f"{given.get('PGOPTIONS', '')} {_options({**PINNED, **settings})}".strip()
        fixed = {"PGOPTIONS": options, "PGAPPNAME": "drkit"}
        return inherited | programs.environment | {"PGCONNECT_TIMEOUT": "15"} | given | fixed


def parse_dsn(dsn: str) -> Server:
    try:
        conninfo_to_dict(dsn)
    except psycopg.Error:
        raise ConfigError(
            "the DSN is not one that PostgreSQL understands", "write postgresql://user@host:5432/database"
        ) from None
    return Server(dsn)


def cannot_connect(server: Server, error: psycopg.Error) -> DrkitError:
    return CaptureError(
        f"cannot connect to {server}: {redact(str(error))}", "look at the DSN, the network, and pg_hba.conf"
    )


def redact(text: str) -> str:
    """A server's or a program's words without a password that they may repeat."""
    return _PASSWORDS.sub(lambda match: f"{match[1] or match[3]}***{'@' if match[3] else ''}", text.strip())


def _options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={_SPECIAL.sub(_ESCAPED, value)}" for name, value in settings.items())
