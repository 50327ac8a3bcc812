"""`--to TARGET` as a person writes it: a path, or a database by DSN, by reference to one, or by a name alone.

A DSN may hold a password: only its `shown` form is ever printed.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from drkit.errors import NotRestorable, UsageError

if TYPE_CHECKING:
    from drkit.wiring import Source

_HINT = "write a new database's name, postgresql://user@host/new_database, or env:NAME where a password is in it"
_URL = re.compile(r"(postgres(?:ql)?://(?:[^/@]*@)?[^/?]*)(?:/[^?]*)?")
_PASSWORD = re.compile(r"://[^:/@]*:([^@]*)@|(?:^|[?&\s])(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]+)", re.I)


@dataclass(frozen=True, slots=True)
class Target:
    value: str = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    in_the_open: bool = False


def read_target(text: str, source: "Source") -> Target:
    from drkit import starter
    from drkit.config.tables import PhysicalTable, PostgresTable
    from drkit.config.values import holds_password, is_reference

    table = source.table
    if isinstance(table, PhysicalTable) and not (is_reference(text) or starter.is_postgres(text)):
        return Target(text, text)
    if not isinstance(table, PostgresTable | PhysicalTable):
        if starter.is_postgres(text):
            raise UsageError(f"a source of kind {table.kind} is not restored to a PostgreSQL server", "name a new path")
        return Target(text, text)
    from drkit.engines.postgres.dsn import parse_dsn

    if is_reference(text):
        value = _read(text)
    elif "://" in text or "=" in text:
        value = text
    else:
        value = _beside(source.system.resolve(table.dsn), text)
    starter.insist_on_libpq(value, "the target")
    return Target(
        value, str(parse_dsn(value, NotRestorable)), passwords_in(value), value == text and holds_password(text)
    )


def default_target(source: "Source") -> str:
    """For a script that somebody will edit, where no target was named: it must not need the source."""
    from drkit.config.tables import PostgresTable

    return "dbname=restored" if isinstance(source.table, PostgresTable) else "restored"


def _read(reference: str) -> str:
    kind, _, rest = reference.partition(":")
    if kind == "env":
        if value := os.environ.get(rest):
            return value
        raise UsageError(f"--to {reference}: {rest} is not set", f"set the environment variable {rest} to the DSN")
    try:
        return Path(rest).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--to {reference} cannot be read as text", "look whether it is the right file") from error


def _beside(dsn: str, name: str) -> str:
    """Where the source is, but another database. A URL stays one, as programs may read it that know no other form."""
    from drkit.engines.postgres.dsn import parse_dsn

    if not name or "/" in name or name.startswith("."):
        raise UsageError(f"{name!r} is a path, and a PostgreSQL source is restored to a database", _HINT)
    if url := _URL.match(dsn):
        rest = re.sub(r"(?<=[?&])dbname=[^&]*&?", "", dsn[url.end() :])
        return f"{url[1]}/{quote(name, safe='')}{rest.rstrip('?&')}"
    return parse_dsn(dsn, NotRestorable).database(name).dsn


def passwords_in(dsn: str) -> tuple[str, ...]:
    """As they stand, and as they are meant; the longest first, as one may be a part of another."""
    found = [first or second.strip("'") for first, second in _PASSWORD.findall(dsn)]
    meant = {form for each in found for form in (each, unquote(each), each.replace("\\", ""))}
    return tuple(sorted(meant, key=len, reverse=True))
