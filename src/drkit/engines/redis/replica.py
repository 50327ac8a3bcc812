"""A snapshot by the replication protocol: the server forks, and its RDB file comes as it is written.

Nothing is stored on either side, and no program is needed here. It must not know what becomes of the bytes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from drkit.engines.redis.line import Line, Server
from drkit.engines.redis.refusals import Refused
from drkit.errors import IntegrityError
from drkit.ports import Chunks

_MARK_SIZE = 40
_TAIL = 9  # the last operation of a file, and its checksum
_LAST = 0xFF
_PREAMBLE = re.compile(rb"\$(?:EOF:(?P<mark>[!-~]{40})|(?P<size>\d{1,18}))")


@contextmanager
def snapshot(server: Server, version: str = "") -> Iterator[Chunks]:
    """The chunks raise where the file does not come to its end. `version` is the server's own: Valkey writes for one
    that does not tell its version as for the oldest."""
    with server.line("drkit-snapshot") as line:
        # Only what is understood is granted; what is not, an older server does without.
        line.ask([("REPLCONF", "version", version)] if version else [])
        line.ask([("REPLCONF", "rdb-only", "1"), ("REPLCONF", "capa", "eof", "capa", "psync2")])
        line.send(("PSYNC", "?", "-1"))
        answer = _patiently(line)
        if answer.startswith(b"-"):
            raise Refused(answer[1:].decode(errors="replace"))
        if not answer.startswith(b"+FULLRESYNC"):
            raise IntegrityError(f"{server} does not speak the replication protocol of Redis")
        preamble = _patiently(line)
        if preamble.startswith(b"-"):
            raise Refused(preamble[1:].decode(errors="replace"))
        match = _PREAMBLE.fullmatch(preamble)
        if not match:
            raise IntegrityError(f"{server} does not speak the replication protocol of Redis")
        mark, size = match["mark"], match["size"]
        yield _checked(_until_mark(line, mark) if mark else _sized(line, int(size)), server)


def _patiently(line: Line) -> bytes:
    """A server that is not ready yet sends an empty line now and then."""
    while not (found := line.read_line()):
        pass
    return found


def _sized(line: Line, left: int) -> Chunks:
    while left:
        chunk = line.read_some()[:left]
        left -= len(chunk)
        yield chunk


def _until_mark(line: Line, mark: bytes) -> Chunks:
    """Nothing comes after the mark, as nothing was acknowledged: so it is known by being last."""
    held = b""
    while not held.endswith(mark):
        held += line.read_some()
        if len(held) > _MARK_SIZE:
            yield held[:-_MARK_SIZE]
            held = held[-_MARK_SIZE:]
    if rest := held[:-_MARK_SIZE]:
        yield rest


def _checked(chunks: Chunks, server: Server) -> Chunks:
    """A file that ends otherwise than one does is none: raised in place of the end, so that nobody commits it."""
    tail = b""
    for chunk in chunks:
        tail = (tail + chunk)[-_TAIL:]
        yield chunk
    if len(tail) < _TAIL or tail[0] != _LAST:
        raise server.failure(
            f"the snapshot that {server} sent does not end as one does", "see its log, and run drkit again"
        )
