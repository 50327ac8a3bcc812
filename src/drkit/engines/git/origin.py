"""Where a repository is: a folder here, or a URL, whose user and password are kept apart from what is shown.

It must not know what is in it.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from drkit.errors import ConfigError

_SCP = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*@[A-Za-z0-9_.][A-Za-z0-9_.-]*:[^:].*")
_HINT = "write https://host/path.git, ssh://git@host/path.git, git@host:path.git or file:///folder"


@dataclass(frozen=True, slots=True)
class Remote:
    """`url` holds no password. `key` and `hosts` are for ssh: the text of a private key, and whose hosts' keys are
    believed; without them ssh's own settings hold."""

    url: str
    protocol: str
    user: str = ""
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    hosts: str = ""

    def __str__(self) -> str:
        return self.url


Origin = Path | Remote


def parse_origin(text: str) -> Origin:
    """What was given is never repeated: it may hold a password."""
    if _SCP.fullmatch(text) and "//" not in text.partition(":")[0]:
        return Remote(text, "ssh")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError("this cannot be read as a repository's URL", _HINT) from error
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return Path(unquote(parts.path))
    if (
        parts.scheme not in ("https", "ssh", "http")
        or not host
        or host.startswith("-")
        or parts.query
        or parts.fragment
    ):
        raise ConfigError("this is no URL of a repository that drkit knows", _HINT)
    if parts.scheme == "http" and not _is_here(host):
        raise ConfigError("http:// sends code and passwords in the clear", "use https:// or ssh://")
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port else ""
    if parts.scheme == "ssh":
        if parts.password:
            raise ConfigError("ssh takes no password from a URL", "use a key: ssh's own settings say which")
        user = f"{parts.username}@" if parts.username else ""
        return Remote(urlunsplit(("ssh", user + place, parts.path, "", "")), "ssh")
    url = urlunsplit((parts.scheme, place, parts.path, "", ""))
    return Remote(url, parts.scheme, unquote(parts.username or ""), unquote(parts.password or ""))


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
