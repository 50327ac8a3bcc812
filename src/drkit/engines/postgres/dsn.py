"""What somebody wrote as the way to a database: read, and refused before anything is tried if it cannot be meant.

No message repeats any of it but the names of parameters: a password with a stray character ends up anywhere.
"""

import re

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError, ConfigError, DrkitError

_URL = re.compile(r"postgres(ql)?://(?P<authority>[^/?]*)(?P<path>[^?]*)")
_HINT = (
    "write postgresql://user:password@host:5432/database, with the special characters of a password as %40 and so on"
)
_UNKNOWN = re.compile(r'invalid (?:URI query parameter|connection option):? "(\w+)"')
_LAST_PORT = 65_535


def parse_dsn(text: str, failure: type[DrkitError] = CaptureError) -> Server:
    """`failure` is what the server raises later on; what is wrong with the text itself is a ConfigError."""
    if not text.strip():
        raise ConfigError("the DSN is empty", _HINT)
    url = _URL.match(text)
    if url and (url["authority"].count("@") > 1 or "@" in url["path"]):
        raise ConfigError("the DSN has an @ more than a URL can have", _HINT)
    try:
        known = conninfo_to_dict(text)
    except psycopg.Error as error:
        raise _not_understood(str(error)) from None
    for port in filter(None, str(known.get("port", "")).split(",")):
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            raise ConfigError("the DSN's port is not a number from 1 to 65535", _HINT)
    for option in pq.Conninfo.parse(text.encode()):
        if option.val and not option.envvar and option.dispchar:
            raise ConfigError(
                f"drkit cannot pass {option.keyword.decode()} on to pg_dump without showing it",
                "leave it out of the DSN; a client key must do without a passphrase",
            )
    return Server(text, failure)


def _not_understood(words: str) -> ConfigError:
    unknown = _UNKNOWN.search(words)
    if unknown:
        return ConfigError(f"the DSN has a parameter that PostgreSQL does not know: {unknown[1]}", "leave it out")
    return ConfigError("the DSN is not one that PostgreSQL understands", _HINT)
