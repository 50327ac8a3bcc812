"""What to tell now: how a system stands against what was told of it before. Pure: `now` is an argument.

A change of state is told once, however often it is looked at. It must not know how anybody is told, or where it is
remembered; the daemon remembers by itself what it told while no store could be reached.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from drkit.bulletin import Bulletin
from drkit.troubles import Trouble

Name = tuple[str, str]  # whom it is about (SYSTEM or SYSTEM/SOURCE), and the trouble's kind

# The worst first; what is not named here stands where the middle is.
_BEFORE = ("damaged", "nothing", "misdated", "backup doubted", "unwritten", "rpo", "backup failed", "overdue", "store")
_AFTER = ("drill failed", "rto", "evidence doubted", "drill overdue")


@dataclass(frozen=True, slots=True)
class Wrong:
    """A trouble of a source or a system. `warning` if nothing is broken yet; `own` if it is not the store that tells of
    it but the daemon, of itself."""

    subject: str
    trouble: Trouble
    warning: bool = False
    own: bool = False

    @property
    def name(self) -> Name:
        return self.subject, self.trouble.kind


@dataclass(frozen=True, slots=True)
class ToldTrouble:
    since: datetime
    own: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What people believe of a system: the troubles they were told of that they were not told to be over, and the
    newest report."""

    troubles: Mapping[Name, ToldTrouble] = field(default_factory=dict)
    report: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How a system stands. Of those in `looked_at` everything is in `wrong`; `known` are all there are. `own` says
    whether the daemon's troubles are in it, and `over` are those that it says are over."""

    system: str
    wrong: tuple[Wrong, ...] = ()
    looked_at: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    report: str | None = None
    own: bool = False
    over: tuple[Wrong, ...] = ()


@dataclass(frozen=True, slots=True)
class Over:
    subject: str
    kind: str
    since: datetime
    lasted: timedelta


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be told, the worst first. `still` is what is wrong and was told before; `told` is what will be
    believed once this was told."""

    system: str
    new: tuple[Wrong, ...]
    over: tuple[Over, ...]
    still: tuple[Wrong, ...]
    report: str | None
    told: Told

    def __bool__(self) -> bool:
        return bool(self.new or self.over or self.report)


def see(system: str, bulletin: Bulletin, known: Iterable[str]) -> Seen:
    """One system in a bulletin of several."""
    sources = [each for each in bulletin.sources if each.system == system]
    systems = [each for each in bulletin.systems if each.system == system]
    wrong = [Wrong(each.source, trouble) for each in sources for trouble in each.troubles]
    wrong += [Wrong(each.source, trouble, warning=True) for each in sources for trouble in each.warnings]
    wrong += [Wrong(each.system, trouble) for each in systems for trouble in each.troubles]
    wrong += [_unseen(source, why) for source, why in bulletin.failed.items() if source.partition("/")[0] == system]
    return Seen(
        system,
        tuple(wrong),
        frozenset([*(each.source for each in sources), *(each.system for each in systems)]),
        frozenset([system, *known]),
        max((each.report for each in systems if each.report), default=None),
    )


def find_changes(told: Told, seen: Seen, now: datetime) -> Changes:
    wrong: dict[Name, Wrong] = {}
    for each in seen.wrong:
        wrong.setdefault(each.name, each)
    ranked = sorted(wrong.values(), key=_rank)
    new = [each for each in ranked if each.name not in told.troubles]
    over = dict(_find_over(told, seen, wrong, now))
    report = seen.report if seen.report and (told.report is None or told.report < seen.report) else None
    believed = {name: each for name, each in told.troubles.items() if name not in over}
    believed |= {each.name: ToldTrouble(_since(each, now), each.own) for each in new}
    return Changes(
        seen.system,
        tuple(new),
        tuple(over.values()),
        tuple(each for each in ranked if each.name in told.troubles),
        report,
        Told(believed, report or told.report),
    )


def _find_over(told: Told, seen: Seen, wrong: Mapping[Name, Wrong], now: datetime) -> Iterator[tuple[Name, Over]]:
    """What is gone of all that could be seen. Of a source that is in no schedule any more, everything is."""
    for name, each in told.troubles.items():
        subject, kind = name
        judged = seen.own if each.own else subject in seen.looked_at or subject not in seen.known
        if judged and name not in wrong:
            yield name, _over(subject, kind, each.since, now)
    for gone in seen.over:
        if gone.name not in told.troubles and gone.name not in wrong:
            yield gone.name, _over(*gone.name, _since(gone, now), now)


def _over(subject: str, kind: str, since: datetime, now: datetime) -> Over:
    return Over(subject, kind, since, max(timedelta(0), now - since))


def _since(each: Wrong, now: datetime) -> datetime:
    return min(each.trouble.since or now, now)


def _unseen(source: str, why: str) -> Wrong:
    step = f"`drkit status {source}` shows more; until it can be looked at nobody knows whether it is backed up"
    return Wrong(source, Trouble("store", f"it cannot be looked at: {why}", None, step))


def _rank(each: Wrong) -> tuple[int, int]:
    """Stable for the rest: in the order that they were found."""
    kind = each.trouble.kind
    if each.warning:
        return 3, 0
    if kind in _BEFORE:
        return 0, _BEFORE.index(kind)
    return (2, _AFTER.index(kind)) if kind in _AFTER else (1, 0)
