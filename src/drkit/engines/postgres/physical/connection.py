"""One connection that speaks the replication protocol.

libpq is never let block: psycopg holds the interpreter's lock in its blocking calls, and with it every other thread
would stand still. So whatever has to be waited for is waited for here. It must not know what a command is for.
"""

import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import pq

from drkit.engines.postgres.refusals import explain_connecting
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError, SourceUnavailable

Row = tuple[str | None, ...]
_CONNECTING = 30.0
_LOST_HINT = "look into the server's log and at the network, and run drkit again"


class Refused(CaptureError):
    """The server answered a command with an error."""

    def __init__(self, message: str, hint: str, sqlstate: str) -> None:
        super().__init__(message, hint)
        self.sqlstate = sqlstate


class Line:
    """`ask` is for commands that answer with rows. One that begins a COPY is sent by `send`, and then read or fed."""

    def __init__(self, server: Server, connection: "pq.abc.PGconn") -> None:
        self._server, self._connection = server, connection

    def ask(self, command: str) -> list[Row]:
        self.send(command)
        rows = _rows(self.result(pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK))
        self.settle()
        return rows

    def send(self, command: str) -> None:
        with self._losing():
            self._connection.send_query(command.encode())
            self.flush()

    def result(self, *wanted: pq.ExecStatus) -> "pq.abc.PGresult":
        """The next one, which must be as wanted."""
        found = self._next_result()
        if found is None:
            raise CaptureError(f"{self._server} said less than was asked", _LOST_HINT)
        if found.status not in wanted:
            raise self._refusal(found)
        return found

    def settle(self) -> None:
        """Until the server is ready for the next command; what it still says must be no error."""
        while found := self._next_result():
            if found.status == pq.ExecStatus.FATAL_ERROR:
                raise self._refusal(found)

    def rows(self, *wanted: pq.ExecStatus) -> list[Row]:
        return _rows(self.result(*(wanted or (pq.ExecStatus.TUPLES_OK,))))

    def copied(self) -> Iterator[memoryview]:
        """Every message of a COPY from the server, to its end. Each is good until the next one is asked for."""
        while (message := self.message()) is not None:
            if message:
                yield message
            else:
                self.wait(None)

    def message(self) -> memoryview | None:
        """The next one of a COPY if it is here, an empty one if not, None after the last."""
        with self._losing():
            size, data = self._connection.get_copy_data(1)
        return None if size < 0 else data

    def wait(self, seconds: float | None, wake: int | None = None) -> bool:
        """For something to come, or until `wake` can be read: whether something came."""
        events = {self._connection.socket: select.POLLIN, **({wake: select.POLLIN} if wake is not None else {})}
        if self._connection.socket not in _poll(events, seconds):
            return False
        with self._losing():
            self._connection.consume_input()
        return True

    def give(self, data: bytes) -> None:
        with self._losing():
            self._connection.put_copy_data(data)
            self.flush()

    def end_giving(self) -> None:
        with self._losing():
            self._connection.put_copy_end()
            self.flush()

    def flush(self) -> None:
        while self._connection.flush():
            events = {self._connection.socket: select.POLLIN | select.POLLOUT}
            if _poll(events, None)[self._connection.socket] & select.POLLIN:
                self._connection.consume_input()

    def _next_result(self) -> "pq.abc.PGresult | None":
        with self._losing():
            while self._connection.is_busy():
                self.wait(None)
            return self._connection.get_result()

    def _refusal(self, result: "pq.abc.PGresult") -> CaptureError:
        words = self._server.redact(result.get_error_message())
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        if not state:
            return SourceUnavailable(f"{self._server} ended the connection: {words}", _LOST_HINT)
        return Refused(f"{self._server} refused: {words}", "look into the server's log", state)

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            words = self._server.redact(str(error))
            raise SourceUnavailable(f"the connection to {self._server} was lost: {words}", _LOST_HINT) from error


@contextmanager
def open_line(server: Server, name: str) -> Iterator[Line]:
    """`name` is what the server knows it by."""
    connection = _connect(server, name)
    try:
        yield Line(server, connection)
    finally:
        connection.finish()


def _connect(server: Server, name: str) -> "pq.abc.PGconn":
    connection = pq.PGconn.connect_start(server.replicating(name).encode())
    try:
        _shake_hands(server, connection)
    except BaseException:
        connection.finish()
        raise
    connection.nonblocking = 1
    return connection


def _shake_hands(server: Server, connection: "pq.abc.PGconn") -> None:
    until = time.monotonic() + _CONNECTING
    state: int = pq.PollingStatus.WRITING  # as libpq wants it before the first poll
    while connection.status != pq.ConnStatus.BAD and state != pq.PollingStatus.FAILED:
        if state == pq.PollingStatus.OK:
            return
        events = select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT
        if not _poll({connection.socket: events}, max(0.0, until - time.monotonic())):
            raise SourceUnavailable(f"{server} does not answer", "look at the network and the firewall to there")
        state = connection.connect_poll()
    words = connection.get_error_message()
    raise explain_connecting(str(server), words, server.redact(words), SourceUnavailable)


def _poll(wanted: Mapping[int, int], seconds: float | None) -> dict[int, int]:
    """What has come about, by file descriptor."""
    poll = select.poll()
    for descriptor, events in wanted.items():
        poll.register(descriptor, events)
    return dict(poll.poll(None if seconds is None else seconds * 1000))


def _rows(result: "pq.abc.PGresult") -> list[Row]:
    return [
        tuple(_text(result.get_value(row, column)) for column in range(result.nfields)) for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
