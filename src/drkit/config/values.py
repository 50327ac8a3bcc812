"""Single values of a schedule: how each is read, and what can be told wrong about one. It must not know the tables."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal, TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from drkit.age import parse_recipient
from drkit.errors import ConfigError, DrkitError
from drkit.signing import parse_signer
from drkit.timetable import Cron, parse_cron
from drkit.when import parse_length

T = TypeVar("T")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) *(B|[kKMG]B|[KMG]iB)")
_SLOT = re.compile(r"[a-z0-9_]{1,63}", re.ASCII)
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_SECRET = re.compile(r"key|secret|token|password", re.IGNORECASE)
# libpq takes all before the first @ for user and password; so does this, and more where a password was not escaped.
_PASSWORD = re.compile(r"://[^@]*:[^@]*@|(?:^|[?&\s])(?:ssl)?password\s*=", re.IGNORECASE)
_URL_HINT = "write file:///absolute/folder or s3://bucket/prefix?region=eu-west-1, or a reference to it"


def _parsed(parse: Callable[[str], T]) -> Callable[[object], T]:
    """A parser of ours as pydantic wants one: its error keeps the hint."""

    def validate(value: object) -> T:
        if not isinstance(value, str):
            raise ValueError("this must be a text; put it in quotes")  # noqa: TRY004  pydantic's way
        try:
            return parse(value)
        except DrkitError as error:
            raise ValueError(f"{error}; {error.hint}" if error.hint else str(error)) from error

    return validate


def _parse_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(f"{text!r} is not a time zone", 'use a name such as "Europe/Madrid" or "UTC"') from error


def is_reference(text: str) -> bool:
    """`file://…` is a store's URL and stands for itself."""
    return text.startswith(("env:", "file:")) and not text.startswith("file://")


def _parse_reference(text: str) -> str:
    if not is_reference(text):
        raise ConfigError("a secret is given by reference, never as a value", 'use "file:/path" or "env:NAME"')
    return text


def _parse_references(value: object) -> tuple[str, ...]:
    """One reference, or a list of several."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError("this must be a reference or a list of them, each in quotes")
    return tuple(_parsed(_parse_reference)(each) for each in value)


def _reference_or(parse: Callable[[str], object]) -> Callable[[str], str]:
    """A value that is written out is tried at once; one behind a reference when it is needed."""

    def check(text: str) -> str:
        if not is_reference(text):
            parse(text)
        return text

    return check


def parse_store_url(text: str) -> str:
    """A URL is printed and logged, so it must not hold a secret; what was given is never repeated."""
    try:
        parts = urlsplit(text)
        inner = [unquote(value) for value in parts.query.split("&")]
        users = ["@" in urlsplit(each).netloc for each in (text, *(each.partition("=")[2] for each in inner))]
    except ValueError as error:
        raise ConfigError("this cannot be read as a URL", _URL_HINT) from error
    if any(users) or any(_SECRET.search(each.partition("=")[0]) for each in inner):
        hint = "give them by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by a profile, or by a role"
        raise ConfigError("a store's URL must not have credentials in it", hint)
    if parts.scheme not in ("s3", "file"):
        raise ConfigError("a store's URL begins with s3:// or file://", _URL_HINT)
    return text


def _parse_dsn(text: str) -> str:
    """A reference, or a DSN that holds no password: libpq then takes it from PGPASSWORD or PGPASSFILE."""
    if not is_reference(text) and holds_password(text):
        raise ConfigError(
            "a DSN with a password is a secret, and a secret is given by reference",
            'use "env:DATABASE_URL" or "file:/path/to/dsn", or leave the password to PGPASSFILE',
        )
    return text


def holds_password(dsn: str) -> bool:
    return _PASSWORD.search(dsn) is not None


def _parse_cron_or_never(text: str) -> Cron | None:
    return None if text.strip() == "never" else parse_cron(text)


def parse_ping(text: str) -> str:
    """Whoever knows it can say that all is well: so it may be a reference; but many are no secret."""
    if not text.startswith(("https://", "http://")) or not urlsplit(text).hostname:
        raise ConfigError("a ping URL begins with https:// or http://", 'or it is a reference, such as "env:PING_URL"')
    return text


def _parse_notify_url(text: str) -> str:
    if not is_reference(text):
        raise ConfigError(
            "a notification URL holds a token or a password as a rule, and a secret is given by reference",
            'use "env:DRKIT_NOTIFY_URL" or "file:/path/to/url"',
        )
    return text


def _known_method(value: object) -> object:
    if value not in ("dump", "physical"):
        raise ValueError('the method is "dump", by pg_dump, or "physical", by base backups and the log')
    return value


def _known_redis_method(value: object) -> object:
    if value not in ("sync", "scan"):
        raise ValueError('the method is "sync", by the replication protocol, or "scan", key by key')
    return value


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _parse_slot(text: str) -> str:
    if not _SLOT.fullmatch(text):
        raise ConfigError(f"{text!r} cannot be a slot's name", "use lower-case letters, digits and underscores")
    return text


def parse_size(text: str) -> int:
    """`50MB` is 50,000,000 bytes, `50MiB` is 52,428,800."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ConfigError(f"{text!r} is not a size", 'write a number of bytes with a unit, such as "50MB" or "64MiB"')
    return int(float(match[1]) * _UNITS[match[2].lower()])


Length = Annotated[timedelta, BeforeValidator(_parsed(parse_length))]
CronLine = Annotated[Cron, BeforeValidator(_parsed(parse_cron))]
CronLineOrNever = Annotated[Cron | None, BeforeValidator(_parsed(_parse_cron_or_never))]
StoreUrl = Annotated[str, BeforeValidator(_parsed(_reference_or(parse_store_url)))]
StoreUrls = Annotated[tuple[StoreUrl, ...], BeforeValidator(_one_or_more)]
RecipientText = Annotated[str, BeforeValidator(_parsed(_reference_or(parse_recipient)))]
SignerText = Annotated[str, BeforeValidator(_parsed(_reference_or(parse_signer)))]
Size = Annotated[int, BeforeValidator(_parsed(parse_size))]
DsnReference = Annotated[str, BeforeValidator(_parsed(_parse_dsn))]
Reference = Annotated[str, BeforeValidator(_parsed(_parse_reference))]
References = Annotated[tuple[str, ...], BeforeValidator(_parse_references)]
PingUrl = Annotated[str, BeforeValidator(_parsed(_reference_or(parse_ping)))]
NotifyUrl = Annotated[str, BeforeValidator(_parsed(_parse_notify_url))]
Zone = Annotated[ZoneInfo, BeforeValidator(_parsed(_parse_zone))]
Method = Annotated[Literal["dump"], BeforeValidator(_known_method)]
RedisMethod = Annotated[Literal["sync", "scan"], BeforeValidator(_known_redis_method)]
SlotName = Annotated[str, BeforeValidator(_parsed(_parse_slot))]
Count = Annotated[int, Field(ge=0)]
