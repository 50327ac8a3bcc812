"""All that an engine needs for a restore along a log: the journey, the manifests of its bases, and the log to read."""

from dataclasses import dataclass

from drkit.model import Manifest
from drkit.restore.journey import Journey
from drkit.restore.logbook import LogBook


@dataclass(frozen=True, slots=True)
class Travel:
    """`manifests` are those of the journey's chain, the full base first."""

    journey: Journey
    manifests: tuple[Manifest, ...]
    book: LogBook

    @property
    def plain_bytes(self) -> int:
        return sum(manifest.plain_bytes for manifest in self.manifests)
