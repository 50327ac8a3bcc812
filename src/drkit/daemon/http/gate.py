"""Who gets in, and what every answer carries: asked before anything is drawn.

It must not know what is served.
"""

from base64 import b64decode
from binascii import Error
from collections.abc import Collection
from secrets import compare_digest

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="drkit", charset="UTF-8"'}
_CARRIED = {
    "Cache-Control": "no-store",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Gate:
    """`guarded` are the paths that need the token, if there is one; `hosts` what the Host may be, None for any."""

    def __init__(
        self, app: ASGIApp, policy: str, token: str | None, guarded: Collection[str], hosts: Collection[str] | None
    ) -> None:
        self._app, self._token, self._guarded, self._hosts = app, token, guarded, hosts
        self._carried = _CARRIED | {"Content-Security-Policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._carried)
            await send(message)

        if scope["type"] != "http":
            return
        await self._choose(scope)(scope, receive, send_with_headers)

    def _choose(self, scope: Scope) -> ASGIApp:
        headers = Headers(scope=scope)
        if self._hosts is not None and _name_of(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("This is not the host that was asked for.\n", 421)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Here is only to be read.\n", 405, {"Allow": "GET, HEAD"})
        if scope["path"] in self._guarded and not shows_token(headers, self._token):
            return PlainTextResponse("The token is needed.\n", 401, _CHALLENGE)
        return self._app


def shows_token(headers: Headers, token: str | None) -> bool:
    """As a bearer, or as the password of any user; everybody does where there is none."""
    if token is None:
        return True
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        shown = given.strip().encode("latin-1")
    elif scheme.lower() == "basic":
        try:
            shown = b64decode(given.strip(), validate=True).partition(b":")[2]
        except (Error, ValueError):
            return False
    else:
        return False
    return compare_digest(shown, token.encode())


def _name_of(host: str) -> str:
    """Without the port: a tunnel may have changed it."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
