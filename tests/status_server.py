"""The daemon's HTTP on a free port, in a loop of its own beside the test, with a state that the test changes."""

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from threading import Thread

from drkit.daemon.http import Address, make_app, parse_listen, serve
from drkit.daemon.model import State
from status_states import NOW


class StatusServer:
    """`state` may be changed at any time. `complaints` are what the daemon would log of bugs."""

    def __init__(
        self,
        state: State,
        token: str | None = None,
        clock: Callable[[], datetime] = lambda: NOW,
        listen: str = "127.0.0.1:0",
    ) -> None:
        self.state = state
        self.complaints: list[str] = []
        self.metrics: Callable[[], str] = lambda: "# metrics\n"
        self._listen = parse_listen(listen)
        self._app = make_app(lambda: self.state, clock, lambda *_: self.metrics(), token, self._listen.hosts)
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event = asyncio.Event()
        self._up: asyncio.Future[Address] = self._loop.create_future()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def start(self) -> Address:
        async def address() -> Address:
            return await self._up

        self._thread.start()
        self.address = asyncio.run_coroutine_threadsafe(address(), self._loop).result()
        return self.address

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._loop.close()

    @property
    def url(self) -> str:
        return f"http://{self.address}/"

    def ask(self, path: str, method: str = "GET", **headers: str) -> "Answer":
        connection = HTTPConnection("127.0.0.1", self.address.port, timeout=30)
        try:
            connection.request(method, path, headers={key.replace("_", "-"): text for key, text in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {key.lower(): text for key, text in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    async def _serve(self) -> None:
        async with serve(self._app, self._listen, self.complaints.append) as address:
            self._up.set_result(address)
            await self._stop.wait()


class Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()


@contextmanager
def status_server(
    state: State, token: str | None = None, clock: Callable[[], datetime] = lambda: NOW, listen: str = "127.0.0.1:0"
) -> Iterator[StatusServer]:
    server = StatusServer(state, token, clock, listen)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
