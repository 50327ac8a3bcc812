"""The app served within the daemon's own loop, for as long as a block lasts.

It must not know what is served.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from logging import ERROR, Handler, LogRecord, getLogger

from starlette.types import ASGIApp
from uvicorn import Config, Server

from drkit.daemon.http.address import Address, open_socket

_AT_ONCE = 100  # connections; who comes then is told to come again
_IDLE = 20  # seconds: longer than the page's pace, so that it keeps its connection
_PATIENCE = 1  # seconds, for answers under way when it stops


class _Server(Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # signals are the daemon's
        yield


class _Complaints(Handler):
    """What uvicorn logs of bugs, handed to the daemon's own log."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        super().__init__(ERROR)
        self._complain = complain

    def emit(self, record: LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._complain(f"http: {record.getMessage().strip()}{f' {error!r}' if error else ''}")


@asynccontextmanager
async def serve(app: ASGIApp, listen: Address, complain: Callable[[str], None]) -> AsyncIterator[Address]:
    """The address that it listens on, with the port it got. It stops within about a second after the block."""
    listener, address = open_socket(listen)
    server = _Server(
        Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=ERROR,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_AT_ONCE,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=_PATIENCE,
        )
    )
    with listener, _hearing(complain):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield address
        finally:
            server.should_exit = True
            await serving


@contextmanager
def _hearing(complain: Callable[[str], None]) -> Iterator[None]:
    logger, handler = getLogger("uvicorn"), _Complaints(complain)
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
