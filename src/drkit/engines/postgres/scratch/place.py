"""What a drill restores into and throws away: where its databases are, and in what it differs from production.

It must not know how the place was made or how it is removed: the rooms beside this one do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class ScratchServer:
    """Where databases may be made for a drill. `dsn` gives the way to one of that name, which is the caller's to make;
    it may hold a password. `settings` are the server's own words. `folder` is None where drkit did not start it."""

    dsn: Callable[[str], str]
    major: int
    settings: Mapping[str, str] = field(repr=False)
    folder: Path | None
    place: str
    since: datetime

    def describe(self) -> str:
        return f"{self.place}, since {self.since.isoformat(timespec='seconds')}"

    def settings_that_differ(self, source: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Source and scratch by name. A setting of the source that nobody could ask for is listed as not known: it may
        be the same, and a report must not claim so."""
        pairs = {name: (source.get(name, NOT_KNOWN), value) for name, value in sorted(self.settings.items())}
        return {name: (there, here) for name, (there, here) in pairs.items() if there != here}
