"""A real HTTP server on loopback that is told things: it keeps what it hears, and answers as a test wants it to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    method: str
    path: str
    body: str


@dataclass(eq=False)
class Receiver:
    """`act` answers a request; what was heard is known before it does."""

    act: "Callable[[Request], None]"
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


class Request(BaseHTTPRequestHandler):
    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with self.receiver.lock:
            self.receiver.heard.append(Heard(self.command, self.path, body))
        self.receiver.act(self)

    do_GET = do_POST = handle_any  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Quiet."""

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


def accept(request: Request) -> None:
    request.answer(200)


def refuse(request: Request) -> None:
    request.answer(500)


def hang(request: Request) -> None:
    """Until the test is over."""
    request.receiver.over.wait()
    request.close_connection = True


def close(request: Request) -> None:
    request.close_connection = True


def take_get_alone(request: Request) -> None:
    request.answer(200 if request.command == "GET" else 405)


def redirect_to(url: str) -> Callable[[Request], None]:
    return lambda request: request.answer(302, Location=url)


@contextmanager
def receiver(act: Callable[[Request], None] = accept) -> Iterator[Receiver]:
    made = Receiver(act)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Request", (Request,), {"receiver": made}))
    made.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
