"""One line to a server: commands out, answers in, by the protocol that every version speaks (RESP2).

The password goes over the line alone. It must not know what the commands are for.
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from drkit.engines.redis.refusals import Refused, explain_lost, explain_refused
from drkit.engines.redis.url import Address
from drkit.errors import ConfigError, DrkitError, IntegrityError

Word = str | bytes | int
Answer = bytes | int | None | list["Answer"] | Refused

PATIENCE = timedelta(seconds=60)  # a server at work on a snapshot says something every second
_CONNECTING = 15.0
_BUFFER = 1 << 18
_LONGEST_LINE = 1 << 16
_LONGEST_TEXT = 1 << 30
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is. What goes wrong on the way to it raises `failure`; `lost` is for what may pass by itself."""

    address: Address
    failure: type[DrkitError]
    lost: type[DrkitError]

    def __str__(self) -> str:
        return str(self.address)

    @contextmanager
    def line(self, name: str = "drkit", patience: timedelta = PATIENCE) -> Iterator["Line"]:
        """A line on which all commands are let through, by one who calls itself `name`."""
        try:
            connection = _connect(self.address, patience)
        except OSError as error:
            raise explain_lost(self, error) from error
        with connection:
            line = Line(self, connection)
            try:
                _introduce(line, name)
                yield line
            except Refused as refused:
                raise explain_refused(self, refused) from None


@dataclass(slots=True)
class Line:
    server: Server
    _socket: socket.socket = field(repr=False)
    _rest: bytearray = field(default_factory=bytearray, repr=False)

    def call(self, *words: Word) -> Answer:
        """The answer; Refused is raised."""
        [answer] = self.ask([words])
        if isinstance(answer, Refused):
            raise answer
        return answer

    def ask(self, commands: Sequence[Sequence[Word]]) -> list[Answer]:
        """All at once: their answers in order, and a Refused in place of those that were refused."""
        self.send(*commands)
        return [self._answer(0) for _ in commands]

    def send(self, *commands: Sequence[Word]) -> None:
        try:
            self._socket.sendall(b"".join(map(_spell, commands)))
        except OSError as error:
            raise explain_lost(self.server, error) from error

    def read_line(self) -> bytes:
        while (end := self._rest.find(b"\r\n")) < 0 and not self._rest.startswith(b"\n"):
            if len(self._rest) > _LONGEST_LINE:
                raise IntegrityError(f"{self.server} does not speak the protocol of Redis")
            self._fill()
        size, skipped = (0, 1) if self._rest.startswith(b"\n") else (end, 2)
        line = bytes(self._rest[:size])
        del self._rest[: size + skipped]
        return line

    def read_some(self) -> bytes:
        """Whatever has come, and at least one byte."""
        if not self._rest:
            self._fill()
        chunk = bytes(self._rest)
        self._rest.clear()
        return chunk

    def _answer(self, depth: int) -> Answer:
        line = self.read_line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return Refused(rest.decode(errors="replace"))
        try:
            number = int(rest)
        except ValueError:
            number, kind = 0, b"?"
        if kind == b":":
            return number
        if kind in b"$*" and number < 0:
            return None
        if kind == b"$" and number <= _LONGEST_TEXT:
            return self._text(number)
        if kind == b"*" and depth < _DEEPEST:
            return [self._answer(depth + 1) for _ in range(number)]
        raise IntegrityError(f"{self.server} does not speak the protocol of Redis")

    def _text(self, size: int) -> bytes:
        while len(self._rest) < size + 2:
            self._fill()
        text = bytes(self._rest[:size])
        del self._rest[: size + 2]
        return text

    def _fill(self) -> None:
        try:
            chunk = self._socket.recv(_BUFFER)
        except OSError as error:
            raise explain_lost(self.server, error) from error
        if not chunk:
            raise explain_lost(self.server, EOFError())
        self._rest += chunk


def texts(answer: Answer) -> list[bytes]:
    """Those of a flat list."""
    return [each for each in answer if isinstance(each, bytes)] if isinstance(answer, list) else []


def number(answer: Answer) -> int:
    if isinstance(answer, bytes) and answer.isdigit():
        return int(answer)
    return answer if isinstance(answer, int) else 0


def _spell(words: Sequence[Word]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        plain = word if isinstance(word, bytes) else str(word).encode()
        parts += (b"$%d\r\n" % len(plain), plain, b"\r\n")
    return b"".join(parts)


def _introduce(line: Line, name: str) -> None:
    address = line.server.address
    if address.password:
        line.call("AUTH", *([address.user] if address.user else []), address.password)
    line.ask([("CLIENT", "SETNAME", name)])  # only to be told apart; who may not, need not
    if isinstance(said := line.ask([("PING",)])[0], Refused) and said.code == "NOAUTH":
        raise said


def _connect(address: Address, patience: timedelta) -> socket.socket:
    trust = _trust(address) if address.tls else None
    if address.socket:
        made = socket.socket(socket.AF_UNIX)
    else:
        made = socket.create_connection((address.host, address.port), _CONNECTING)
    try:
        made.settimeout(_CONNECTING)
        if address.socket:
            made.connect(address.socket)
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if trust:
            made = trust.wrap_socket(made, server_hostname=address.host)
        made.settimeout(patience.total_seconds())
    except BaseException:
        made.close()
        raise
    return made


def _trust(address: Address) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.authority or None)
        if address.certificate:
            context.load_cert_chain(address.certificate, address.key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"a file for TLS that the URL of {address} names cannot be read: {error.strerror}",
            "look at ssl_ca_certs, ssl_certfile and ssl_keyfile",
        ) from error
    if not address.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
