"""Which candidate to try next, and what has been found: a search from the newest one back. Pure.

Candidates are numbered from the oldest, 0. It must not know what one is, nor how it is tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "bad", "unknown"]
Known = Mapping[int, Verdict]


@dataclass(frozen=True, slots=True)
class Found:
    """`first_bad` is the oldest one known to be bad after `last_good`, or of all where none was good."""

    last_good: int | None
    first_bad: int | None


def next_probe(count: int, known: Known, *, linear: bool = False) -> int | None:
    """None where nothing more is to be learned. From the newest back in steps that double until one is good, then
    halving between that and the bad one after it: damage is found late, but seldom very late. It takes for granted
    that what is good stays so until it is bad for good; `linear` does not, and tries each from the newest back.
    One that could not be tried gives way to its nearest neighbour."""
    found = conclude(known)
    if found.last_good is not None:
        until = count if found.first_bad is None else found.first_bad
        return _nearest((found.last_good + until) // 2, found.last_good + 1, until, known)
    bad = [each for each, verdict in known.items() if verdict == "bad"]
    before = min(bad, default=count)
    step = 1 if linear or not bad else 1 << (len(bad) - 1)
    return _nearest(max(before - step, 0), 0, before, known)


def conclude(known: Known) -> Found:
    last_good = max((each for each, verdict in known.items() if verdict == "good"), default=None)
    after = -1 if last_good is None else last_good
    return Found(
        last_good, min((each for each, verdict in known.items() if verdict == "bad" and each > after), default=None)
    )


def most_probes(count: int, *, linear: bool) -> int:
    """As long as each can be tried."""
    return count if linear else min(count, 2 * max(count - 1, 0).bit_length() + 2)


def _nearest(wish: int, begin: int, end: int, known: Known) -> int | None:
    """The candidate nearest to `wish` in the half open range that was not tried; the older one of two."""
    for distance in range(end - begin + 1):
        for each in (wish - distance, wish + distance):
            if begin <= each < end and each not in known:
                return each
    return None
