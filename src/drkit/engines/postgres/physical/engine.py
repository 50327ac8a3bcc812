"""The engine of whole PostgreSQL servers as the rest of drkit sees it: the port, and nothing of its own.

It must not know how a server is read or built.
"""

from collections.abc import Callable, Iterator

from drkit.engines.postgres.dsn import parse_dsn
from drkit.engines.postgres.physical.basebackup import MANIFEST
from drkit.engines.postgres.physical.capture import capture
from drkit.engines.postgres.physical.findings import look_ahead
from drkit.engines.postgres.physical.options import PhysicalOptions
from drkit.model import Captured, Finding
from drkit.ports import Begin, Clock, Earlier

KIND = "postgres-physical"


def _none() -> None:
    """No backup that the next one could be incremental to."""


class PhysicalEngine:
    """`dsn` says where the source is, and is asked only when it is needed; so is `earlier`, for the backup that the
    next one may be incremental to."""

    kind: str = KIND
    effort: int = 1
    reads_back: frozenset[str] = frozenset({MANIFEST})

    def __init__(
        self,
        dsn: Callable[[], str],
        options: PhysicalOptions,
        earlier: Callable[[], Earlier | None] = _none,
        *,
        clock: Clock,
    ) -> None:
        self._dsn = dsn
        self._options = options
        self._earlier = earlier
        self._clock = clock

    def capture(self, begin: Begin) -> Captured:
        return capture(parse_dsn(self._dsn()), self._options, begin, self._earlier, self._clock)

    def check(self) -> Iterator[Finding]:
        return look_ahead(parse_dsn(self._dsn()), self._options, self._clock)
