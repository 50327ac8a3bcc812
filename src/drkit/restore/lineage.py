"""Which timeline a position belongs to: a server's timelines, each of which leaves another one at some position.

It reads what PostgreSQL writes into history files. It must not know what of the log is there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from drkit.errors import IntegrityError, UsageError
from drkit.lsn import parse_lsn

_LINE = re.compile(r"(?P<timeline>\d{1,10})\s+(?P<position>[0-9A-Fa-f]+/[0-9A-Fa-f]+)(?:\s.*)?")


@dataclass(frozen=True, slots=True)
class Fork:
    """A timeline was left at this position, for the next one."""

    timeline: int
    at: int


@dataclass(frozen=True, slots=True)
class Leg:
    """The part of a way that goes along one timeline. The last leg has no end."""

    timeline: int
    begin: int
    end: int | None


def parse_history(content: bytes, timeline: int) -> tuple[Fork, ...]:
    """Where the ancestors of `timeline` were left, the oldest first."""
    forks: list[Fork] = []
    for line in content.decode(errors="replace").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        try:
            fork = Fork(int(match["timeline"]), parse_lsn(match["position"])) if match else None
        except UsageError:
            fork = None
        last = forks[-1] if forks else Fork(0, 0)
        if fork is None or not last.timeline < fork.timeline < timeline or fork.at < last.at:
            raise IntegrityError(f"the history of timeline {timeline} cannot be read: {line!r}")
        forks.append(fork)
    if not forks:
        raise IntegrityError(f"the history of timeline {timeline} names no timeline before it")
    return tuple(forks)


def legs_of(timeline: int, forks: Sequence[Fork]) -> tuple[Leg, ...]:
    """The whole way that ends on `timeline`."""
    begins = [0, *(fork.at for fork in forks)]
    ways = [*((fork.timeline, fork.at) for fork in forks), (timeline, None)]
    return tuple(Leg(each, begin, end) for begin, (each, end) in zip(begins, ways, strict=True))
