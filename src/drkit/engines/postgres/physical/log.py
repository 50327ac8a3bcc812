"""A server's log as whoever follows it sees it: the port, over one connection for SQL and one for the log."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from drkit.engines.postgres.physical.connection import Line, Refused, Row, open_line
from drkit.engines.postgres.physical.options import PhysicalOptions
from drkit.engines.postgres.physical.slot import have_slot, look_at_slot, renew_slot
from drkit.engines.postgres.physical.stream import Stream
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError, SourceUnavailable
from drkit.lsn import parse_lsn
from drkit.ports import Ended, Heard, LogLine, Regard, Whereabouts

_PARENT = re.compile(r"^\s*(\d+)\s+([0-9A-Fa-f]+/[0-9A-Fa-f]+)", re.MULTILINE)
_SERVER = """
SELECT (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'), pg_is_in_recovery()
"""


_REGARD = """
SELECT (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
       coalesce((SELECT bool_or(sync_state IN ('sync', 'quorum')) FROM pg_stat_replication WHERE application_name = %s),
                false)
"""


class PostgresLog:
    """`server` is asked anew for each connection: what is behind a reference may have changed."""

    def __init__(self, server: Callable[[], Server], options: PhysicalOptions) -> None:
        self._server, self._options = server, options

    @contextmanager
    def open(self) -> Iterator[LogLine]:
        server = self._server()
        with open_line(server, self._options.slot) as line:
            yield PostgresLine(server, self._options, line)

    def regard(self) -> Regard:
        server, name = self._server(), self._options.slot
        with server.session() as session:
            slot = look_at_slot(session, server, name)
            [(limit, waits)] = session.execute(_REGARD, [name])
        if slot is None or slot.safe_bytes is None or limit < 0:
            return Regard(None, None, waits)
        return Regard(slot.safe_bytes, limit << 20, waits)


class PostgresLine:
    def __init__(self, server: Server, options: PhysicalOptions, line: Line) -> None:
        self._server, self._options, self._line = server, options, line
        self._stream = Stream(line, options.slot, synchronous=options.synchronous)
        self._timeline = 0

    def look(self) -> Whereabouts:
        with self._session() as session:
            slot, made = have_slot(session, self._server, self._options.slot)
            [(segment, standby)] = session.execute(_SERVER)
        # only then: whoever had the slot before cannot have stored log from behind this position
        [(system, timeline, position, *_)] = self._ask("IDENTIFY_SYSTEM")
        self._timeline = int(timeline or 0)
        parents = parse_history(self.history(self._timeline).decode()) if self._timeline > 1 else ()
        return Whereabouts(
            system or "",
            self._timeline,
            parents,
            parse_lsn(position or ""),
            standby,
            int(segment),
            slot.restart if slot else None,
            made,
            slot.active_pid if slot else None,
        )

    def keep_anew(self) -> None:
        with self._session() as session:
            renew_slot(session, self._server, self._options.slot)

    def history(self, timeline: int) -> bytes:
        [(_name, content)] = self._ask(f"TIMELINE_HISTORY {timeline}")
        return (content or "").encode()

    def start(self, timeline: int, position: int, stored: int) -> None:
        self._stream.start(timeline, position, stored, current=timeline == self._timeline)

    def receive(self, seconds: float, wake: int) -> Heard | Ended | None:
        return self._stream.receive(seconds, wake)

    def report(self, stored: int) -> None:
        self._stream.report(stored)

    def _ask(self, command: str) -> list[Row]:
        try:
            return self._line.ask(command)
        except Refused as error:
            raise SourceUnavailable(str(error), error.hint) from error

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        """What goes wrong with it may go right a moment later, as with the other connection."""
        try:
            with self._server.session() as session:
                yield session
        except CaptureError as error:
            raise SourceUnavailable(str(error), error.hint) from error


def parse_history(text: str) -> tuple[tuple[int, int], ...]:
    """The timelines before this one, and where each was left."""
    return tuple((int(timeline), parse_lsn(switch)) for timeline, switch in _PARENT.findall(text))
