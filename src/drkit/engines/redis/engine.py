"""The Redis engine as the rest of drkit sees it: the port, and nothing of its own.

It must not know how a server is read or filled.
"""

import shlex
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from drkit.disk.scratch import scratch_folder
from drkit.engines.redis.capture import PIECE, Method, capture
from drkit.engines.redis.drill import Expectation, prove
from drkit.engines.redis.file import PARTIAL, check_place, write_file
from drkit.engines.redis.fill import fill
from drkit.engines.redis.findings import look_ahead
from drkit.engines.redis.lent import lent
from drkit.engines.redis.line import Server
from drkit.engines.redis.programs import choose_program
from drkit.engines.redis.rdb import Head, read_head
from drkit.engines.redis.scratch import FILE, Place, lay_out, serving
from drkit.engines.redis.target import check_target
from drkit.engines.redis.url import is_url, parse_url
from drkit.errors import CaptureError, DrkitError, IntegrityError, NotRestorable, SourceUnavailable, UsageError
from drkit.model import Answer, Captured, Check, Finding, Manifest, Piece, Restored, Scratch, Wishes
from drkit.ports import Begin, Clock, Load


class RedisEngine:
    """`url` says where the source is, and is asked only when it is needed: a restore goes to the target's own. Drills
    restore to `scratch_server` where one is lent, or else to a server of their own in `scratch_folder`, by a program
    of `programs` or PATH."""

    kind: str = "redis"
    effort: int = 1  # what is worth it is packed already
    reads_back: frozenset[str] = frozenset()

    def __init__(
        self,
        url: Callable[[], str],
        method: Method = "sync",
        programs: Path | None = None,
        scratch_folder: Path | None = None,
        scratch_server: Callable[[], str] | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._url = url
        self._method = method
        self._programs = programs
        self._scratch_folder = scratch_folder
        self._scratch_server = scratch_server
        self._clock = clock
        self._place: Place | None = None  # of the drill under way
        self._life = ExitStack()
        self._expected: Expectation | None = None

    def capture(self, begin: Begin) -> Captured:
        return capture(self._source(), self._method, begin, self._clock)

    def check(self) -> Iterator[Finding]:
        lent = self._scratch_server is not None
        return look_ahead(self._source(), self._method, self._programs, lent, self._clock)

    def check_target(self, target: str, wishes: Wishes) -> None:
        wishes.insist_on_whole(self.kind)
        if wishes.swap:
            raise UsageError(
                "a Redis server cannot be exchanged in place",
                "restore to an empty server or a new file, and lead the application there",
            )
        if self._is_ours(target):
            return
        if is_url(target):
            check_target(_target(target))
        else:
            check_place(Path(target))

    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored:
        self.check_target(target, wishes)
        piece = _dump(manifest)
        if self._place is not None and self._is_ours(target):
            return self._load(self._place, piece, load)
        if not is_url(target):
            write_file(Path(target), piece, load(piece))
            return Restored(target)
        server = _target(target)
        filled = fill(server, manifest.id, load(piece), self._clock, compared=not wishes.tolerant)
        self._expected = Expectation(filled.wanted)
        notes = list(filled.notes)
        if filled.expired:
            notes.append(
                f"{filled.expired} of {filled.wanted.keys} keys had come to the end of their time, and are not there"
            )
        return Restored(str(server), notes=tuple(notes), verified=filled.compared)

    @contextmanager
    def scratch(self, manifest: Manifest, load: Load) -> Iterator[Scratch]:
        piece = _dump(manifest)
        head = _head(piece, load)
        if self._scratch_server:
            url = self._scratch_server()
            server = _target(url)
            with lent(server, head, self._source_if_known()):
                yield Scratch(url, f"the server {server}, which is lent")
            return
        program = choose_program(head, self._programs)
        with scratch_folder(self._scratch_folder, piece.plain_bytes) as folder, ExitStack() as life:
            self._place, self._life, self._expected = lay_out(folder, program), life, None
            try:
                yield Scratch(self._place.url, str(self._place), tools={program.product: str(program).split(" ")[1]})
            finally:
                self._place = None

    def prove(self, manifest: Manifest, load: Load, target: str) -> Iterator[Check]:
        expected = self._expected
        if expected is None:
            expected = Expectation()
            expected.read(load(_dump(manifest)))
        return prove(_target(target), expected, self._clock)

    def ask(self, _target: str, question: str, _timeout: timedelta) -> Answer:
        raise UsageError(
            f"SQL cannot be asked of a Redis server ({question})", "use a command, which gets DRKIT_TARGET"
        )

    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
        place = "dump.rdb" if is_url(target) else target
        file, partial = shlex.quote(place), shlex.quote(place + PARTIAL)
        folder, name = (shlex.quote(str(each)) for each in (Path(place).absolute().parent, Path(place).name))
        return [
            "# A server reads such a file when it starts. It must be of the captured version or newer, and empty.",
            f"test ! -e {file}  # what exists is not overwritten",
            f"{fetch(_dump(manifest))} > {partial}",
            f"if command -v redis-check-rdb > /dev/null; then redis-check-rdb {partial} >&2; fi",
            f"mv -T -- {partial} {file}",
            f"# then: redis-server --dir {folder} --dbfilename {name} --appendonly no",
        ]

    def _load(self, place: Place, piece: Piece, load: Load) -> Restored:
        expected = Expectation()
        began = time.monotonic()
        write_file(place.data / FILE, piece, load(piece), expected.read)
        self._life.enter_context(serving(place))
        self._expected = expected
        return Restored(place.url, phases=(("fetch_and_load", round(time.monotonic() - began, 6)),))

    def _is_ours(self, target: str) -> bool:
        return self._place is not None and target == self._place.url

    def _source(self) -> Server:
        return Server(parse_url(self._url()), CaptureError, SourceUnavailable)

    def _source_if_known(self) -> Server | None:
        """None where nobody can say: a machine for drills need not know it, and with its region it is lost."""
        try:
            return self._source()
        except DrkitError:
            return None


def _target(url: str) -> Server:
    return Server(parse_url(url), NotRestorable, NotRestorable)


def _head(piece: Piece, load: Load) -> Head:
    chunks = load(piece)
    try:
        return read_head(chunks)[0]
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


def _dump(manifest: Manifest) -> Piece:
    for piece in manifest.pieces:
        if piece.name == PIECE:
            return piece
    raise IntegrityError(f"The manifest of {manifest.id} names no piece {PIECE!r}")
