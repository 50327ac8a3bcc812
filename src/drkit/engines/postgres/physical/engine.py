"""The engine of whole PostgreSQL servers as the rest of drkit sees it: the port, and nothing of its own.

It must not know how a server is read or built.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from pathlib import Path

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.physical.basebackup import MANIFEST
from drkit.engines.postgres.physical.capture import capture
from drkit.engines.postgres.physical.findings import look_ahead
from drkit.engines.postgres.physical.options import PhysicalOptions
from drkit.engines.postgres.question import ask
from drkit.engines.postgres.recovery.byhand import write_script
from drkit.engines.postgres.recovery.directory import Directory, check_directory
from drkit.engines.postgres.recovery.logical import check_database, is_database, restore_database
from drkit.engines.postgres.recovery.proof import prove_server
from drkit.engines.postgres.recovery.scratch import ScratchCluster, scratch_cluster
from drkit.engines.postgres.recovery.stop import Place, find_place
from drkit.engines.postgres.recovery.wal import WalReader
from drkit.errors import DrkitError, NotRestorable
from drkit.model import Answer, Captured, Check, Finding, Manifest, Piece, Restored, Scratch, Wishes
from drkit.ports import Begin, Clock, Earlier, Effort, Load
from drkit.restore.logbook import LogBook
from drkit.restore.stretch import Stretch
from drkit.restore.travel import Travel

KIND = "postgres-physical"


def _none() -> None:
    """No backup that the next one could be incremental to."""


class PhysicalEngine:
    """`dsn` says where the source is, and is asked only when it is needed; so is `earlier`, for the backup that the
    next one may be incremental to. `fetching` is the command by which a server that somebody else starts gets its log:
    for a system, a timeline, a size of files, and the position up to which it must be there. What is restored goes
    `along` a way, which is bound first."""

    kind: str = KIND
    effort: Effort = Effort.PAGES
    reads_back: frozenset[str] = frozenset({MANIFEST})

    def __init__(
        self,
        dsn: Callable[[], str],
        options: PhysicalOptions,
        earlier: Callable[[], Earlier | None] = _none,
        scratch_folder: Path | None = None,
        fetching: Callable[[str, int, int, int], Sequence[str]] = lambda *_: ["false"],
        *,
        clock: Clock,
    ) -> None:
        self._dsn = dsn
        self._options = options
        self._earlier = earlier
        self._scratch_folder = scratch_folder
        self._fetching = fetching
        self._travel: Travel | None = None
        self._places: dict[str, ScratchCluster] = {}
        self._clock = clock

    def capture(self, begin: Begin) -> Captured:
        return capture(parse_dsn(self._dsn()), self._options, begin, self._earlier, self._clock)

    def check(self) -> Iterator[Finding]:
        return look_ahead(parse_dsn(self._dsn()), self._options, self._clock)

    def along(self, travel: Travel) -> "PhysicalEngine":
        bound = copy(self)
        bound._travel = travel
        bound._places = {}
        return bound

    def locate(
        self, stretch: Stretch, book: LogBook, segment: int, *, name: str | None, transaction: int | None
    ) -> Place | None:
        wal = WalReader(book, stretch.system, stretch.legs, segment, stretch.end)
        return find_place(stretch, wal, name=name, transaction=transaction)

    def check_target(self, target: str, wishes: Wishes) -> None:
        if target in self._places:
            return
        if is_database(target):
            check_database(target, wishes)
        else:
            check_directory(target, wishes)

    def restore(self, manifest: Manifest, load: Load, target: str, wishes: Wishes) -> Restored:
        travel = self._bound(manifest)
        if place := self._places.get(target):
            return place.restore(travel, load, verifying=wishes.tolerant)
        if is_database(target):
            return restore_database(
                travel, load, target, wishes, self._options.programs, self._scratch_folder, self._clock
            )
        path = check_directory(target, wishes)
        return Directory(path, self._options.programs, self._fetching, travel, load, wishes).run()

    def by_hand(self, manifest: Manifest, fetch: Callable[[Piece], str], target: str) -> list[str]:
        return write_script(self._bound(manifest), fetch, target)

    @contextmanager
    def scratch(self, manifest: Manifest, load: Load) -> Iterator[Scratch]:
        travel = self._bound(manifest)
        with scratch_cluster(travel, load, self._options.programs, self._scratch_folder) as place:
            self._places[place.target] = place
            programs = place.cluster.programs
            try:
                yield Scratch(
                    place.target,
                    place.describe(self._clock()),
                    {},
                    {"PostgreSQL": f"{programs.major}.{programs.minor}"},
                )
            finally:
                del self._places[place.target]

    def prove(self, manifest: Manifest, load: Load, target: str) -> Iterator[Check]:  # noqa: ARG002  the port's
        return prove_server(self._places[target], self._bound(manifest))

    def ask(self, target: str, question: str, timeout: timedelta) -> Answer:
        return ask(parse_dsn(target, NotRestorable), question, timeout)

    def _bound(self, manifest: Manifest) -> Travel:
        if self._travel is None or self._travel.manifests[-1].id != manifest.id:
            raise DrkitError(f"this is a bug: no way along the log was planned for {manifest.id}", "please report it")
        return self._travel
