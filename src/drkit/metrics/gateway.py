"""Figures handed to a Pushgateway, in place of what was there of the same instance.

A URL may hold a password: only its `shown` form is ever told. It must not know any figure.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from drkit.errors import StoreError, UsageError
from drkit.metrics.text import PROMETHEUS

_PATIENCE = 30
_SHOWN = 300
_HINT = "write https://host:9091, or env:NAME or file:/path of a URL where a password is in it"


@dataclass(frozen=True, slots=True)
class Gateway:
    """`url` is where to put, without the credentials."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        return self.url.partition("?")[0]


def read_gateway(text: str, instance: str) -> Gateway:
    """What was given is never repeated. A path with the labels of its own is taken as it is."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("the Pushgateway's URL cannot be read", _HINT) from error
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or re.search(r"\s", text):
        raise UsageError("a Pushgateway's URL begins with http:// or https://, and names a host", _HINT)
    place = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/")
    if "/metrics/job" not in path:
        path = f"{path}/metrics/job/drkit/{_label('instance', instance)}"
    query = f"?{parts.query}" if parts.query else ""
    url = f"{parts.scheme}://{place}{f':{port}' if port else ''}{path}{query}"
    return Gateway(url, unquote(parts.username or ""), unquote(parts.password or ""))


def push(gateway: Gateway, body: str) -> None:
    headers = {"Content-Type": PROMETHEUS}
    if gateway.user or gateway.password:
        headers["Authorization"] = "Basic " + b64encode(f"{gateway.user}:{gateway.password}".encode()).decode()
    request = Request(gateway.url, body.encode(), headers, method="PUT")  # noqa: S310  the scheme was looked at
    try:
        with urlopen(request, timeout=_PATIENCE):  # noqa: S310
            return
    except HTTPError as error:
        with error:
            raise StoreError(_refusal(gateway, error), _advice(error.code)) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise StoreError(
            f"the Pushgateway at {gateway.shown} did not take the figures: {reason or type(error).__name__}",
            "look whether it runs and can be reached from here",
        ) from error


def _refusal(gateway: Gateway, error: HTTPError) -> str:
    words = ""
    with suppress(OSError, HTTPException):
        words = " ".join(error.read(4096).decode(errors="replace").split())
    said = "".join(each for each in words if each.isprintable())[:_SHOWN]
    return f"the Pushgateway at {gateway.shown} refused the figures with {error.code}" + (f": {said}" if said else "")


def _advice(code: int) -> str:
    if code in (401, 403):
        return "give it a user and a password: env:NAME or file:/path of https://user:password@host"
    if code in (301, 302, 303, 307, 308, 404, 405):
        return "give the URL at which the Pushgateway itself answers"
    return "look into its log"


def _label(name: str, value: str) -> str:
    """A slash in a value would begin the next label: then the Pushgateway wants base64."""
    if "/" in value:
        return f"{name}@base64/{urlsafe_b64encode(value.encode()).decode()}"
    return f"{name}/{quote(value, safe='')}"
