"""A line to a server that a test cuts: TCP, byte by byte as it came."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread


class Line:
    """After `cut_after` bytes from the server every connection is dead, and none is accepted any more."""

    def __init__(self, host: str, port: int, cut_after: int | None) -> None:
        self.passed = 0
        self._there = (host, port)
        self._cut_after = cut_after
        self._lock = Lock()
        self._ends: list[socket.socket] = []
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._there)
                with self._lock:
                    self._ends += [client, server]
                    is_cut = self._is_cut
                if is_cut:
                    self.cut()
                Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()  # so that what is sent from now on is refused, and not held

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _pass_on(self, here: socket.socket, there: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := here.recv(1 << 16):
                there.sendall(self._admitted(data) if counted else data)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _admitted(self, data: bytes) -> bytes:
        with self._lock:
            room = len(data) if self._cut_after is None else max(0, self._cut_after - self.passed)
            self.passed += len(data)
        if room < len(data):
            self.cut()  # what had room may be lost with it, as on any line
        return data[:room]


@contextmanager
def line_to(host: str, port: int, cut_after: int | None = None) -> Iterator[Line]:
    line = Line(host, port, cut_after)
    thread = Thread(target=line.serve, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join()
