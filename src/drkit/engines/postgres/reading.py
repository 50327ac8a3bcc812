"""The readers of one snapshot: pg_dump for all of it, psql for the rows of one stream, and the snapshot's own session.

A reader that comes late is kept out of a table as soon as somebody waits for a stronger lock on it, and would wait for
ever, as that one waits for us. The snapshot's session has its locks already, so it reads what is left.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from threading import Lock

from drkit.engines.postgres.choice import Choice
from drkit.engines.postgres.complaints import KeptOut, program_failed, reader_failed, timed_out, vanished
from drkit.engines.postgres.division import Stream
from drkit.engines.postgres.dump import copy_options, copy_out, dump_options
from drkit.engines.postgres.locks import explain_lock
from drkit.engines.postgres.names import codec_of, quote_text
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.snapshot import Snapshot, SnapshotSpoiled, block_somebody, see_tables_stayed
from drkit.errors import CaptureError
from drkit.ports import Chunks
from drkit.streams.blocks import blocks
from drkit.streams.process import Argument, Failure, Family
from drkit.streams.throttle import Throttle

_CHUNK = 1 << 20
# How long pg_dump may wait for somebody who may wait for us.
_SHORT = timedelta(seconds=2)


class Reader:
    """`encoding` is the database's own: nothing is converted on the way."""

    def __init__(
        self,
        server: Server,
        options: DumpOptions,
        snapshot: Snapshot,
        programs: Programs,
        encoding: str,
        children: Family,
    ) -> None:
        self._server = server
        self._options = options
        self._snapshot = snapshot
        self._programs = programs
        self._encoding = encoding
        self._codec = codec_of(encoding)
        self._children = children
        self._throttle = Throttle(options.rate_limit)
        self._session_is_busy = Lock()

    def begin_dump(self, choice: Choice) -> Chunks:
        """pg_dump's output. By its first byte it has listed and locked all that it will read."""
        holds_locks = self._snapshot.holds_locks
        patience = min(self._options.lock_timeout, _SHORT) if holds_locks else self._options.lock_timeout
        options = dump_options(self._snapshot.name, choice, patience, self._codec)
        raw = self._read("pg_dump", options, program_failed("pg_dump", self._server))
        try:
            first = next(raw, b"")
        except CaptureError as error:
            if timed_out(error):
                if holds_locks and block_somebody(self._snapshot.connection):
                    raise SnapshotSpoiled("somebody waits for a lock on a table that is to be backed up") from error
                raise explain_lock(self._server, patience) from error
            if vanished(error):
                raise SnapshotSpoiled(str(error)) from error
            see_tables_stayed(self._snapshot, choice)  # its words may be in any language
            raise
        return chain([first], raw)

    def rows(self, stream: Stream) -> Chunks:
        options = copy_options(self._snapshot.name, stream, self._codec)
        rows = self._read("psql", options, reader_failed("psql", self._server))
        try:
            first = next(rows, b"")
        except KeptOut:
            yield from self._throttle.slow(blocks(self._rows_by_session(stream), _CHUNK))
            return
        yield first
        yield from rows

    def stop(self) -> None:
        """Whoever reads gets an error soon. Any thread may call it."""
        self._children.end()
        if self._session_is_busy.locked():
            self._snapshot.connection.cancel()

    def _rows_by_session(self, stream: Stream) -> Chunks:
        statement = f"{copy_out(stream)} (ENCODING {quote_text(self._encoding)})"
        with self._session_is_busy, self._snapshot.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in copy:
                yield bytes(row)

    def _read(self, program: str, options: Sequence[Argument], failure: Failure) -> Chunks:
        command = [self._programs.path(program), *self._server.arguments(), *options]
        environment = self._server.environment(self._programs, client_encoding=self._encoding)
        return self._throttle.slow(self._children.read(command, environment, failure))
