"""From a database to pieces: pg_dump and the streams beside it, all of one snapshot.

Nothing is stored before pg_dump holds its locks and the snapshot is known to be whole.
It must not know how the pieces are stored, nor what a restore makes of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from drkit.engines.postgres.archive import ArchiveReader
from drkit.engines.postgres.choice import choose
from drkit.engines.postgres.contents import DUMP, Segment, format_contents
from drkit.engines.postgres.contents import PIECE as CONTENTS
from drkit.engines.postgres.digest import RowDigest
from drkit.engines.postgres.division import Stream
from drkit.engines.postgres.dump import copy_in
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.globals import capture_globals
from drkit.engines.postgres.locks import naming_locks
from drkit.engines.postgres.names import codec_of
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs, choose_programs, find_programs
from drkit.engines.postgres.reading import Reader
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.snapshot import Snapshot, SnapshotSpoiled, hold_snapshot, lock_tables, see_tables_stayed
from drkit.engines.postgres.steps import PIECE as STEPS
from drkit.engines.postgres.steps import Copy, format_steps
from drkit.engines.postgres.taken import list_contents
from drkit.errors import CaptureError
from drkit.model import Captured, Piece
from drkit.ports import Begin, Chunks, Clock, Save
from drkit.streams.process import Family, family

_TRIES, _GENTLE_TRIES = 8, 5


def capture(server: Server, options: DumpOptions, begin: Begin, clock: Clock) -> Captured:
    for number in range(_TRIES):
        lock_first = number >= _GENTLE_TRIES
        try:
            with hold_snapshot(server, options, clock, lock_first=lock_first) as snapshot, family() as children:
                return _Capture(server, options, snapshot, children, clock).run(begin)
        except SnapshotSpoiled as error:
            if number == _TRIES - 1:
                raise CaptureError(
                    f"the tables of {server} changed under each of {_TRIES} snapshots, before they could be locked:"
                    f" {error}",
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
        self._facts: Facts = look_at_server(snapshot.connection, clock, CaptureError)
        self._programs: Programs = choose_programs(find_programs(options.programs), self._facts.major)
        self._reader = Reader(server, options, snapshot, self._programs, self._facts.encoding, children)

    def run(self, begin: Begin) -> Captured:
        connection = self._snapshot.connection
        with naming_locks(self._server, self._options.lock_timeout):  # even a size is not told under a strong lock
            choice = choose(connection, self._options)
        archive = ArchiveReader(codec_of(self._facts.encoding), self._options.fingerprints)
        dump = archive.watch(self._reader.begin_dump(choice))
        lock_tables(connection, choice.streamed, at_once=True)
        see_tables_stayed(self._snapshot, choice)
        save = begin(self._snapshot.consistent_at)
        pieces, segments = self._save_rows(save, dump, choice.streams)
        copies = tuple(Copy(stream.piece, copy_in(stream)) for stream in choice.streams)
        steps = replace(capture_globals(connection, self._facts), copies=copies)
        contents = list_contents(connection, self._facts, self._programs, self._options, choice, archive, segments)
        last = [save(STEPS, iter([format_steps(steps)])), save(CONTENTS, iter([format_contents(contents)]))]
        return Captured((*pieces, *last), (*choice.notes(self._options), *steps.notes))

    def _save_rows(self, save: Save, dump: Chunks, streams: Sequence[Stream]) -> tuple[list[Piece], dict[str, Segment]]:
        """The dump and all streams, several at once; and what the streams held, by piece."""
        digests = {stream.piece: RowDigest(self._options.fingerprints) for stream in streams}
        rows = [partial(save, stream.piece, self._read_rows(stream, digests[stream.piece])) for stream in streams]
        pieces = run_together([partial(save, DUMP, dump), *rows], self._options.workers, self._reader.stop)
        looked = self._options.fingerprints != "off"
        return pieces, {
            piece: Segment.of(piece, digest.value()) if looked else Segment(piece) for piece, digest in digests.items()
        }

    def _read_rows(self, stream: Stream, digest: RowDigest) -> Chunks:
        rows = self._reader.rows(stream)
        yield from rows if self._options.fingerprints == "off" else digest.watch(rows)
