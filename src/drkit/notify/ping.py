"""A dead man's switch: URLs that hear when a backup begins, ends well, or fails. Whoever watches them sees silence.

Pings run beside the backup, one after the other for each source, and never hold it up. It must not know what ran.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from ssl import SSLError
from threading import Thread
from typing import Literal
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from drkit import __version__
from drkit.config.parts import Ping, PingTable
from drkit.config.values import parse_ping
from drkit.notify.guard import HINT, NotPublic, only_public
from drkit.when import format_length

Moment = Literal["start", "success", "failure"]
LIMIT = timedelta(seconds=5)
_LONGEST = 10_000
_SUFFIXES: dict[Moment, str] = {"start": "/start", "success": "", "failure": "/fail"}
_NO_POST = (404, 405, 501)  # of servers that take GET alone


def spell(ping: Ping, resolve: Callable[[str], str], system: str, source: str) -> dict[Moment, str]:
    """The URLs of one source. A single one stands for three, as healthchecks.io has them."""
    if isinstance(ping, PingTable):
        given: dict[Moment, str | None] = {"start": ping.start, "success": ping.success, "failure": ping.failure}
        urls = {moment: parse_ping(resolve(url)) for moment, url in given.items() if url}
    else:
        url = urlsplit(parse_ping(resolve(ping)))
        urls = {
            moment: url._replace(path=url.path.rstrip("/") + suffix if suffix else url.path).geturl()
            for moment, suffix in _SUFFIXES.items()
        }
    names = {"{system}": quote(system, safe=""), "{source}": quote(source, safe="")}
    return {moment: _fill(url, names) for moment, url in urls.items()}


@dataclass(slots=True)
class Switch:
    """Of one run of one source. `problems` are for people, and hold nothing of the URL."""

    urls: dict[Moment, str] = field(repr=False)
    allow_private: bool
    problems: list[str] = field(default_factory=list)
    _last: Thread | None = None

    def tell(self, moment: Moment, words: str = "") -> None:
        """Returns at once."""
        if url := self.urls.get(moment):
            self._last = Thread(target=self._ping, args=(self._last, moment, url, words), daemon=True)
            self._last.start()

    def close(self) -> None:
        """When all was told, or its time is up."""
        if self._last:
            self._last.join(2 * LIMIT.total_seconds())
            if self._last.is_alive():
                self.problems.append(f"a ping was not answered within {format_length(LIMIT)}")

    def _ping(self, before: Thread | None, moment: Moment, url: str, words: str) -> None:
        """After the one before, but not for ever: what is told last must be heard last."""
        if before:
            before.join(LIMIT.total_seconds())
        if problem := ping(url, words, self.allow_private):
            self.problems.append(f"the ping of its {moment} failed: {problem}")


def ping(url: str, words: str, allow_private: bool) -> str:
    """Why it was not heard, or nothing."""
    try:
        if allow_private:
            return _ask(_opener(ProxyHandler()), url, words)
        with only_public():
            return _ask(_opener(), url, words)
    except NotPublic as error:
        return f"{error}: {HINT}"
    except TimeoutError:
        return f"no answer within {format_length(LIMIT)}"
    except SSLError as error:
        return f"no trusted connection: {error.reason}"
    except OSError as error:
        return error.strerror or type(error).__name__
    except (HTTPException, ValueError) as error:  # their words may hold the URL
        return type(error).__name__


def _ask(opener: OpenerDirector, url: str, words: str) -> str:
    body = words.encode()[:_LONGEST]
    status = _request(opener, url, body)
    if body and status in _NO_POST:
        status = _request(opener, url, b"")
    return "" if 200 <= status < 300 else f"the answer was {status}"


def _request(opener: OpenerDirector, url: str, body: bytes) -> int:
    headers = {"User-Agent": f"drkit/{__version__}"} | ({"Content-Type": "text/plain; charset=utf-8"} if body else {})
    try:
        with opener.open(Request(url, body or None, headers), timeout=LIMIT.total_seconds()) as response:  # noqa: S310
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code
    except URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else OSError(0, str(error.reason)) from error


def _opener(*more: ProxyHandler) -> OpenerDirector:
    """Plain HTTP and redirects, and nothing else that urllib could do. Where a proxy connects to nobody can see, so
    without leave to reach everything none is used."""
    opener = OpenerDirector()
    for handler in (
        *more,
        HTTPHandler(),
        HTTPSHandler(),
        HTTPDefaultErrorHandler(),
        HTTPRedirectHandler(),
        HTTPErrorProcessor(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _fill(url: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        url = url.replace(name, value)
    return url
