"""Points that rest on others keep them: a pure decision. It must not know what a point takes of another."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from drkit.catalog import folders_of
from drkit.retention import Verdict


def find_origins(source: str, references: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """The points that each shares pieces with, by the keys that each one's manifest lists."""
    return {each: folders_of(source, keys) - {each} for each, keys in references.items()}


def keep_chains(verdicts: Sequence[Verdict], origins: Mapping[str, Collection[str]]) -> list[Verdict]:
    """`origins` has the IDs of those that each point rests on. A chain stays whole, as long as one rests on it."""
    reasons: dict[str, str] = {}
    waiting = deque(verdict.point.id for verdict in verdicts if verdict.reasons)
    while waiting:
        child = waiting.popleft()
        for origin in sorted(origins.get(child, ())):
            if origin not in reasons:
                reasons[origin] = f"{child} is incremental to it"
                waiting.appendleft(origin)
    return [
        replace(verdict, reasons=(*verdict.reasons, reasons[verdict.point.id]))
        if verdict.point.id in reasons
        else verdict
        for verdict in verdicts
    ]
