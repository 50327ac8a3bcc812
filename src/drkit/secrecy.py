"""Secrets in text: what they look like, which this process has read, and blacking them out before anything is shown.

It must not know where text goes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

# What else is a secret, by the variable's name.
_NAMED = re.compile(r"PASSW|SECRET|TOKEN|_KEY$|APIKEY|CREDENTIAL", re.IGNORECASE)
_IN_URL = re.compile(r"://[^:/@\s]*:([^@\s]+)@")
_PASSWORD = re.compile(r"://[^:/@]*:([^@]*)@|(?:^|[?&\s])(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]+)", re.I)
_PUBLIC = ("age1", "drkit1", "s3://", "file://", "postgres://", "postgresql://")
_SHORTEST = 8  # anything shorter would blacken what is no secret
_read: set[str] = set()


def black_out(line: str, secrets: Iterable[str]) -> str:
    """Also as JSON and URLs spell them; the longest first, as one may be a part of another."""
    spelled = {form for each in secrets for form in (each, json.dumps(each)[1:-1], quote(each, safe=""))}
    for secret in sorted(filter(None, spelled), key=len, reverse=True):
        line = line.replace(secret, "***")
    return line


def secrets_in(environment: Mapping[str, str]) -> set[str]:
    """Values that nobody should read in a command's words."""
    named = {value for name, value in environment.items() if _NAMED.search(name)}
    within = {password for value in environment.values() for password in _IN_URL.findall(value)}
    return {each for each in named | within if len(each) >= _SHORTEST}


def passwords_in(dsn: str) -> tuple[str, ...]:
    """As they stand, and as they are meant; the longest first, as one may be a part of another."""
    found = [first or second.strip("'") for first, second in _PASSWORD.findall(dsn)]
    meant = {form for each in found for form in (each, unquote(each), each.replace("\\", ""))}
    return tuple(sorted(meant, key=len, reverse=True))


def remember(value: str) -> None:
    """What was read from behind a reference: the passwords in it or, where it is neither public nor a DSN, each of
    its lines."""
    found = passwords_in(value)
    _read.update(each for each in found if len(each) >= _SHORTEST)
    if not found and not value.strip().startswith(_PUBLIC) and not re.search(r"(?:^|\s)\w+\s*=", value):
        lines = (line.strip().partition("://")[2] or line.strip() for line in value.splitlines())
        _read.update(line for line in lines if len(line) >= _SHORTEST and not line.startswith("#"))


def forget() -> None:
    """All that was read so far."""
    _read.clear()


def redact(text: str) -> str:
    """Without what this process has read as a secret."""
    return black_out(text, _read)
