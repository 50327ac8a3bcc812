"""What somebody wrote as the way to a server, read as redis-py and redis-cli read it.

No message repeats any of it but the names of parameters: a password with a stray character ends up anywhere.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from drkit.errors import ConfigError

PREFIXES = ("redis://", "rediss://", "unix://")
_HINT = (
    "write redis://user:password@host:6379, rediss:// for TLS, or unix:///path/to/socket, with the special characters"
    " of a password as %40 and so on"
)
_PORT = 6379
_UNVERIFIED = ("none", "cert_none")
_VERIFIED = ("required", "cert_required")
_KNOWN = ("db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")


@dataclass(frozen=True, slots=True)
class Address:
    """`socket` stands in place of host and port. `authority`, `certificate` and `key` are files for TLS; with
    `verified` false anybody may pose as the server."""

    host: str = ""
    port: int = _PORT
    socket: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    verified: bool = True
    authority: str = ""
    certificate: str = ""
    key: str = ""

    def __str__(self) -> str:
        return self.socket or f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def is_url(text: str) -> bool:
    return text.startswith(PREFIXES)


def parse_url(text: str) -> Address:
    """A database's number at the end is passed over: all databases of a server belong together."""
    if not is_url(text):
        raise ConfigError("the URL of a Redis server begins with redis://, rediss:// or unix://", _HINT)
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
        told = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ConfigError("the URL of the Redis server cannot be read", _HINT) from None
    if unknown := [name for name in told if name not in _KNOWN]:
        raise ConfigError(
            f"the URL of the Redis server has a parameter that drkit does not know: {unknown[0]}", "leave it out"
        )
    if parts.fragment or parts.netloc.count("@") > 1:
        raise ConfigError("the URL of the Redis server has a # or an @ that is not written as %23 or %40", _HINT)
    local = parts.scheme == "unix"
    if local != (not parts.hostname) or (local and not parts.path.startswith("/")):
        raise ConfigError("the URL of the Redis server names no host, or no socket", _HINT)
    return Address(
        host=parts.hostname or "",
        port=port,
        socket=unquote(parts.path) if local else "",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "rediss",
        verified=_is_verified(told.get("ssl_cert_reqs", "required")),
        authority=told.get("ssl_ca_certs", ""),
        certificate=told.get("ssl_certfile", ""),
        key=told.get("ssl_keyfile", ""),
    )


def _is_verified(text: str) -> bool:
    if text.lower() in _VERIFIED:
        return True
    if text.lower() in _UNVERIFIED:
        return False
    raise ConfigError("ssl_cert_reqs in the URL of the Redis server is neither required nor none", "leave it out")
