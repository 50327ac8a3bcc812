"""What an operator may say about a PostgreSQL source."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from drkit.engines.postgres.digest import Level
from drkit.engines.postgres.division import Sizes


def default_jobs() -> int:
    return min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """Patterns are matched by `tables`; `rate_limit` is in bytes a second; `programs` is a folder of PostgreSQL's;
    `trusted` says whether what the database's owner wrote may meet programs that have known holes."""

    jobs: int = 0
    schemas: tuple[str, ...] = ()
    exclude_tables: tuple[str, ...] = ()
    exclude_data: tuple[str, ...] = ()
    lock_timeout: timedelta = timedelta(seconds=60)
    rate_limit: int | None = None
    fingerprints: Level = "full"
    programs: Path | None = None
    trusted: bool = True
    sizes: Sizes = field(default_factory=Sizes)

    @property
    def workers(self) -> int:
        return self.jobs or default_jobs()
