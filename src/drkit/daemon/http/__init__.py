"""The daemon's HTTP: whether it lives and is ready, metrics, and the status page. It reads what the daemon knows, and
changes nothing. Starlette and uvicorn live here alone."""

from drkit.daemon.http.address import Address, parse_listen
from drkit.daemon.http.app import make_app
from drkit.daemon.http.server import serve

__all__ = ["Address", "make_app", "parse_listen", "serve"]
