"""A server that somebody lends for drills: empty before and after. It must not know what is restored there."""

from collections.abc import Iterator
from contextlib import contextmanager

from drkit.disk.life import is_dead, name_process
from drkit.engines.redis.line import Line, Server
from drkit.engines.redis.marks import DRILL, UNFINISHED
from drkit.engines.redis.rdb import Head
from drkit.engines.redis.target import count_keys
from drkit.errors import ConfigError, NotRestorable

_HINT = "name another server, an empty one: whatever is in it after a drill is removed"


@contextmanager
def lent(server: Server, head: Head, source: Server | None) -> Iterator[None]:
    """Emptied at the end, as it was empty; what a dead drill left there is removed first."""
    if source and source.address == server.address:
        raise ConfigError(f"the scratch server {server} is the source itself", _HINT)
    me = name_process()
    with server.line() as line:
        _refuse_source(line, head)
        _sweep(line)
        if line.call("SET", DRILL, me, "NX") is None:
            raise NotRestorable(f"{server} is used by another drill", "wait for its end, or lend another server")
    try:
        yield
    finally:
        with server.line() as line:
            line.call("SELECT", 0)
            if line.call("GET", DRILL) == me.encode():
                _empty(line)


def _refuse_source(line: Line, head: Head) -> None:
    """The captured server, or a replica of it, has the same number of replication."""
    info = line.call("INFO", "replication")
    identity = head.facts.get("repl-id")
    if identity and isinstance(info, bytes) and b":" + identity in info:
        raise ConfigError(f"the scratch server {line.server} is the captured one, or a replica of it", _HINT)


def _sweep(line: Line) -> None:
    found = line.call("GET", DRILL)
    if isinstance(found, bytes) and is_dead(found.decode(errors="replace")):
        _empty(line)
    elif isinstance(found, bytes):
        raise NotRestorable(
            f"{line.server} is used by the drill of {found.decode(errors='replace')}",
            "wait for its end; if it is long dead, and all that is in it may go: FLUSHALL",
        )
    if count_keys(line) or line.call("EXISTS", UNFINISHED):
        raise ConfigError(f"the scratch server {line.server} is not empty", _HINT)


def _empty(line: Line) -> None:
    line.call("FLUSHALL")
    line.ask([("FUNCTION", "FLUSH")])  # which servers before version 7 do not know
