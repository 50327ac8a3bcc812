"""`--to TARGET` as a person writes it: a path, or a database by DSN, by reference to one, or by a name alone.

A DSN may hold a password: only its `shown` form is ever printed.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from drkit.cli.reference import read_reference
from drkit.errors import NotRestorable, UsageError
from drkit.secrecy import passwords_in, remember

if TYPE_CHECKING:
    from drkit.wiring import Source

_HINT = "write a new database's name, postgresql://user@host/new_database, or env:NAME where a password is in it"
_URL = re.compile(r"(postgres(?:ql)?://(?:[^/@]*@)?[^/?]*)(?:/[^?]*)?")


@dataclass(frozen=True, slots=True)
class Target:
    value: str = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    in_the_open: bool = False


def read_target(text: str, source: "Source") -> Target:
    from drkit import starter
    from drkit.config.sources import PhysicalTable, PostgresTable, RedisTable
    from drkit.config.values import holds_password, is_reference

    table = source.table
    if isinstance(table, RedisTable):
        return _read_redis(text)
    if isinstance(table, PhysicalTable) and not (is_reference(text) or starter.is_postgres(text)):
        return Target(text, text)
    if not isinstance(table, PostgresTable | PhysicalTable):
        if starter.is_postgres(text):
            raise UsageError(f"a source of kind {table.kind} is not restored to a PostgreSQL server", "name a new path")
        return Target(text, text)
    from drkit.engines.postgres.dsn import parse_dsn

    if is_reference(text):
        value = read_reference("--to", text, "the DSN")
    elif "://" in text or "=" in text:
        value = text
    else:
        value = _beside(source.system.resolve(table.dsn), text)
    starter.insist_on_libpq(value, "the target")
    remember(value)
    return Target(
        value, str(parse_dsn(value, NotRestorable)), passwords_in(value), value == text and holds_password(text)
    )


def default_target(source: "Source") -> str:
    """For a script that somebody will edit, where no target was named: it must not need the source."""
    from drkit.config.sources import PostgresTable, RedisTable

    if isinstance(source.table, RedisTable):
        return "restored.rdb"
    return "dbname=restored" if isinstance(source.table, PostgresTable) else "restored"


def _read_redis(text: str) -> Target:
    """A server by its URL or a reference to one, or a file."""
    from drkit.config.values import holds_password, is_reference
    from drkit.engines.redis.url import is_url, parse_url

    value = read_reference("--to", text, "the URL") if is_reference(text) else text
    if "://" not in value and value == text:
        return Target(text, text)
    if not is_url(value):
        raise UsageError(
            "a source of kind redis is restored to a Redis server or a file", "write redis://host:6379, or a new path"
        )
    remember(value)
    return Target(value, str(parse_url(value)), passwords_in(value), value == text and holds_password(text))


def _beside(dsn: str, name: str) -> str:
    """Where the source is, but another database. A URL stays one, as programs may read it that know no other form."""
    from drkit.engines.postgres.dsn import parse_dsn

    if not name or "/" in name or name.startswith("."):
        raise UsageError(f"{name!r} is a path, and a PostgreSQL source is restored to a database", _HINT)
    if url := _URL.match(dsn):
        rest = re.sub(r"(?<=[?&])dbname=[^&]*&?", "", dsn[url.end() :])
        return f"{url[1]}/{quote(name, safe='')}{rest.rstrip('?&')}"
    return parse_dsn(dsn, NotRestorable).database(name).dsn
