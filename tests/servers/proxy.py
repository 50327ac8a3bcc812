"""An HTTP proxy in front of a real S3 server that breaks what a test tells it to break, and passes the rest on."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.parse import urlsplit

from servers.s3_server import S3Server


@dataclass(eq=False)
class Fault:
    """What happens to the first `times` requests whose "METHOD /path?query" the pattern is found in."""

    pattern: str
    act: "Callable[[Exchange], None]"
    times: int = 1
    met: int = field(default=0, init=False)


class Exchange(BaseHTTPRequestHandler):
    """One connection of a client; `proxy` is set by the class that is made for each proxy."""

    proxy: "Proxy"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        fault = self.proxy.fault_for(f"{self.command} {self.path}")
        try:
            (fault.act if fault else forward)(self)
        except (OSError, HTTPException):  # one of the two has gone, and so has the other's line
            self.hang_up()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that was killed
            super().handle()

    def log_message(self, *args: object) -> None:
        """Quiet; what matters is in `Proxy.seen`."""

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def ask(self) -> tuple[HTTPResponse, bytes]:
        """The real server's answer to this request, which has been carried out when this returns."""
        connection = HTTPConnection(self.proxy.host, self.proxy.port, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            connection.endheaders(self.read_body())
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True


def forward(exchange: Exchange) -> None:
    response, body = exchange.ask()
    length = int(response.headers.get("Content-Length") or 0) if exchange.command == "HEAD" else None
    exchange.answer(response.status, response.getheaders(), body, length)


def answer_error(status: int, code: str, message: str = "as the test told it to") -> Callable[[Exchange], None]:
    """Instead of passing the request on."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()

    def act(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.answer(status, [("Content-Type", "application/xml")], b"" if exchange.command == "HEAD" else body)

    return act


def swallow_answer(exchange: Exchange) -> None:
    """The server does what was asked, and the client never hears of it."""
    exchange.ask()
    exchange.hang_up()


def stall(exchange: Exchange) -> None:
    """The server does what was asked, and the client waits for an answer in vain."""
    exchange.ask()
    exchange.proxy.closing.wait()
    exchange.hang_up()


def hold_for(seconds: float) -> Callable[[Exchange], None]:
    """The server does what was asked, and the line is dead for a while before it is cut."""

    def act(exchange: Exchange) -> None:
        exchange.ask()
        exchange.proxy.closing.wait(seconds)
        exchange.hang_up()

    return act


def cut_body_after(size: int) -> Callable[[Exchange], None]:
    """The answer promises all its bytes, and the line is cut after some."""

    def act(exchange: Exchange) -> None:
        response, body = exchange.ask()
        exchange.answer(response.status, response.getheaders(), body[:size], len(body))
        exchange.hang_up()

    return act


def cut_request_after(size: int) -> Callable[[Exchange], None]:
    """The line is cut while the client still sends."""

    def act(exchange: Exchange) -> None:
        exchange.rfile.read(size)
        exchange.hang_up()

    return act


class Proxy:
    def __init__(self, server: S3Server) -> None:
        there = urlsplit(server.endpoint)
        assert there.hostname and there.port
        self.host, self.port = there.hostname, there.port
        self.closing = Event()
        self.seen: list[str] = []
        self._faults: list[Fault] = []
        self._lock = Lock()

    def breaks(self, pattern: str, act: Callable[[Exchange], None], times: int = 1) -> Fault:
        fault = Fault(pattern, act, times)
        with self._lock:
            self._faults.append(fault)
        return fault

    def heals(self) -> None:
        """Nothing is broken from now on, but for what is held up already."""
        with self._lock:
            self._faults = []

    def fault_for(self, line: str) -> Fault | None:
        with self._lock:
            self.seen.append(line)
            for fault in self._faults:
                if fault.met < fault.times and re.search(fault.pattern, line):
                    fault.met += 1
                    return fault
        return None


@contextmanager
def proxy_before(server: S3Server) -> Iterator[tuple[Proxy, S3Server]]:
    """A proxy, and the server as it looks through it."""
    proxy = Proxy(server)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Exchange", (Exchange,), {"proxy": proxy}))
    listener.daemon_threads = True
    listener.block_on_close = False
    thread = Thread(target=lambda: listener.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield proxy, replace(server, endpoint=f"http://127.0.0.1:{listener.server_address[1]}")
    finally:
        proxy.closing.set()
        listener.shutdown()
        thread.join()
        listener.server_close()
