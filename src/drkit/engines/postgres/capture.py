"""From a database to pieces: pg_dump and the streams beside it, all of one snapshot.

Nothing is stored before pg_dump holds its locks and the snapshot is known to be whole.
It must not know how the pieces are stored, nor what a restore makes of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from drkit.engines.postgres.archive import ArchiveReader
from drkit.engines.postgres.choice import Choice, choose
from drkit.engines.postgres.complaints import program_failed, vanished
from drkit.engines.postgres.contents import DUMP, Segment, format_contents
from drkit.engines.postgres.contents import PIECE as CONTENTS
from drkit.engines.postgres.digest import RowDigest
from drkit.engines.postgres.division import Stream
from drkit.engines.postgres.dump import copy_in, copy_options, dump_options
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.globals import capture_globals
from drkit.engines.postgres.names import codec_of
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs, choose_programs, find_programs
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.snapshot import Snapshot, SnapshotSpoiled, hold_snapshot, lock_tables, see_tables_stayed
from drkit.engines.postgres.steps import PIECE as STEPS
from drkit.engines.postgres.steps import Copy, format_steps
from drkit.engines.postgres.taken import list_contents
from drkit.errors import CaptureError
from drkit.model import Captured, Piece
from drkit.ports import Begin, Chunks, Clock, Save
from drkit.streams.process import Argument, Family, family
from drkit.streams.throttle import Throttle

_TRIES = 3


def capture(server: Server, options: DumpOptions, begin: Begin, clock: Clock) -> Captured:
    for tries_left in reversed(range(_TRIES)):
        try:
            with hold_snapshot(server, clock) as snapshot, family() as children:
                return _Capture(server, options, snapshot, children, clock).run(begin)
        except SnapshotSpoiled as error:
            if not tries_left:
                raise CaptureError(
                    f"the schema of {server} kept changing while the backup began, {_TRIES} times: {error}",
                    "run the backup again when migrations and the like are over",
                ) from error
    raise AssertionError("unreachable: the last try returns or raises")


class _Capture:
    def __init__(
        self, server: Server, options: DumpOptions, snapshot: Snapshot, children: Family, clock: Clock
    ) -> None:
        self._server = server
        self._options = options
        self._snapshot = snapshot
        self._children = children
        self._facts: Facts = look_at_server(snapshot.connection, clock, CaptureError)
        self._codec = codec_of(self._facts.encoding)
        self._programs: Programs = choose_programs(find_programs(options.programs), self._facts.major)
        self._throttle = Throttle(options.rate_limit)

    def run(self, begin: Begin) -> Captured:
        connection = self._snapshot.connection
        choice = choose(connection, self._options)
        archive = ArchiveReader(self._codec, self._options.fingerprints)
        dump = self._begin_dump(archive, choice)
        lock_tables(self._snapshot, choice.streamed)
        see_tables_stayed(self._snapshot)
        save = begin(self._snapshot.consistent_at)
        pieces, segments = self._save_rows(save, dump, choice.streams)
        copies = tuple(Copy(stream.piece, copy_in(stream)) for stream in choice.streams)
        steps = replace(capture_globals(connection, self._facts), copies=copies)
        contents = list_contents(connection, self._facts, self._programs, self._options, choice, archive, segments)
        last = [save(STEPS, iter([format_steps(steps)])), save(CONTENTS, iter([format_contents(contents)]))]
        return Captured((*pieces, *last), (*choice.notes(self._options), *steps.notes))

    def _begin_dump(self, archive: ArchiveReader, choice: Choice) -> Chunks:
        """pg_dump's output. By its first byte it has listed and locked all that it will read."""
        options = dump_options(self._snapshot.name, choice, self._options.lock_timeout, self._codec)
        raw = self._read("pg_dump", options)
        try:
            first = next(raw)
        except CaptureError as error:
            if vanished(error):
                raise SnapshotSpoiled(str(error)) from error
            raise
        return archive.watch(chain([first], raw))

    def _save_rows(self, save: Save, dump: Chunks, streams: Sequence[Stream]) -> tuple[list[Piece], dict[str, Segment]]:
        """The dump and all streams, several at once; and what the streams held, by piece."""
        digests = {stream.piece: RowDigest(self._options.fingerprints) for stream in streams}
        rows = [partial(save, stream.piece, self._read_rows(stream, digests[stream.piece])) for stream in streams]
        pieces = run_together([partial(save, DUMP, dump), *rows], self._options.workers, self._children.end)
        return pieces, {piece: Segment.of(piece, digest.value()) for piece, digest in digests.items()}

    def _read_rows(self, stream: Stream, digest: RowDigest) -> Chunks:
        rows = self._read("psql", copy_options(self._snapshot.name, stream, self._codec))
        yield from rows if self._options.fingerprints == "off" else digest.watch(rows)

    def _read(self, program: str, options: Sequence[Argument]) -> Chunks:
        command = [self._programs.path(program), *self._server.arguments(), *options]
        environment = self._server.environment(self._programs, client_encoding=self._facts.encoding)
        failure = program_failed(program, self._server)
        return self._throttle.slow(self._children.read(command, environment, failure))
