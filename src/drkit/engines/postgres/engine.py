"""The PostgreSQL engine as the rest of drkit sees it: the port, and nothing of its own.

It must not know how a database is read or built.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from drkit.engines.postgres.byhand import write_script
from drkit.engines.postgres.capture import capture
from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.findings import look_ahead
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.proof import prove
from drkit.engines.postgres.question import ask
from drkit.engines.postgres.restore import Restoring
from drkit.engines.postgres.scratch.provision import provide_scratch
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.target import check_target
from drkit.errors import DrkitError, NotRestorable
from drkit.model import Answer, Captured, Check, Finding, Manifest, Piece, Restored, Scratch, Wishes
from drkit.ports import Begin, Clock, Effort, Load


class PostgresEngine:
    """`dsn` says where the source is, and is asked only when it is needed: a restore goes to the target's own. Drills
    restore to `scratch_server` where one is lent, or else to a server of their own in `scratch_folder`."""

    kind: str = "postgres"
    effort: Effort = Effort.TEXT
    reads_back: frozenset[str] = frozenset()

    def __init__(
        self,
        dsn: Callable[[], str],
        options: DumpOptions,
        scratch_folder: Path | None = None,
        scratch_server: Callable[[], str] | None = None,
        *,
        clock: Clock,
    ) -> None:
        self._dsn = dsn
        self._options = options
        self._scratch_folder = scratch_folder
        self._scratch_server = scratch_server
        self._clock = clock

    def capture(self, begin: Begin) -> Captured:
        return capture(parse_dsn(self._dsn()), self._options, begin, self._clock)

    def check(self) -> Iterator[Finding]:
        return look_ahead(parse_dsn(self._dsn()), self._options, self._clock)

    def check_target(self, target: str, wishes: Wishes) -> None:
        check_target(parse_dsn(target, NotRestorable), wishes.swap)

    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored:
        server = parse_dsn(target, NotRestorable)
        lent = wishes.tolerant and self._scratch_server is not None
        return Restoring(server, self._options, manifest, load, wishes, self._clock, lent=lent).run()

    @contextmanager
    def scratch(self, manifest: Manifest, load: Load) -> Iterator[Scratch]:
        contents = StoredPoint(manifest, load).contents
        source = self._source()
        with provide_scratch(
            contents,
            manifest.plain_bytes,
            self._options,
            self._scratch_folder,
            self._scratch_server,
            source,
            self._clock,
        ) as place:
            yield place

    def prove(self, manifest: Manifest, load: Load, target: str) -> Iterator[Check]:
        server, lent = parse_dsn(target, NotRestorable), self._scratch_server is not None
        return prove(server, self._options, manifest, load, self._clock, lent=lent)

    def ask(self, target: str, question: str, timeout: timedelta) -> Answer:
        return ask(parse_dsn(target, NotRestorable), question, timeout)

    def _source(self) -> Server | None:
        """None where nobody can say: a machine for drills need not know it, and with its region it is lost."""
        try:
            return parse_dsn(self._dsn())
        except DrkitError:
            return None

    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
        return write_script(manifest, fetch, target)
