"""Several sources restored as one set: how far apart the states lie that are had of them. Pure.

Each source is captured by itself, so a set has no moment of its own. It must not know how any of them is restored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from drkit.when import format_length, format_moment


@dataclass(frozen=True, slots=True)
class Spread:
    """The sources whose states lie farthest apart, each with its moment."""

    oldest: tuple[str, datetime]
    newest: tuple[str, datetime]

    @property
    def skew(self) -> timedelta:
        return self.newest[1] - self.oldest[1]

    def __str__(self) -> str:
        if not self.skew:
            return f"all are as of {format_moment(self.oldest[1])}"
        first, last = (f"{name} as of {format_moment(moment)}" for name, moment in (self.oldest, self.newest))
        return f"the states lie {format_length(self.skew)} apart, from {first} to {last}"


def variable_of(key: str) -> str:
    """Where a command finds the restored copy of the source of that name."""
    return f"DRKIT_TARGET_{key.upper().replace('-', '_')}"


def measure_spread(reached: Mapping[str, datetime]) -> Spread:
    """Of one source at least. Among equal moments the first by name is told."""
    if not reached:
        raise ValueError("a set has one source at least")
    oldest, newest = min(reached.values()), max(reached.values())

    def first_at(moment: datetime) -> str:
        return min(name for name, each in reached.items() if each == moment)

    return Spread((first_at(oldest), oldest), (first_at(newest), newest))
