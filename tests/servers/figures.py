"""An HTTP server that shows a text to whoever scrapes it, and knows who has seen it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

from drkit.metrics import PROMETHEUS


class Figures:
    def __init__(self, text: str, kind: str = PROMETHEUS) -> None:
        self._text, self._kind, self._seen, self._changed = text, kind, 0, Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = outer._look()
                self.send_response(200)
                self.send_header("Content-Type", outer._kind)
                self.end_headers()
                self.wfile.write(text.encode())
                outer._count()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"

    def show(self, text: str) -> None:
        """Returns when the text was seen twice, so that once at least it was seen from its first byte on."""
        with self._changed:
            self._text, self._seen = text, 0
            assert self._changed.wait_for(lambda: self._seen > 1, 60), "nobody looks"

    def _look(self) -> str:
        with self._changed:
            return self._text

    def _count(self) -> None:
        with self._changed:
            self._seen += 1
            self._changed.notify_all()


@contextmanager
def shown(text: str, kind: str = PROMETHEUS) -> Iterator[Figures]:
    figures = Figures(text, kind)
    thread = Thread(target=figures.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield figures
    finally:
        figures.server.shutdown()
        thread.join()
        figures.server.server_close()
