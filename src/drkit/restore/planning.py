"""A plan made from what a store holds: the newest point before a moment or, where a log goes with the points, the way
to the moment itself. It carries nothing out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from drkit import catalog
from drkit.catalog import Listing
from drkit.errors import NotRestorable, UsageError
from drkit.model import Finding, Manifest
from drkit.ports import Engine, Store
from drkit.restore.hauls import Haul, farthest_hauls
from drkit.restore.holdings import look
from drkit.restore.journey import Journey, plan_journey, plan_to_position
from drkit.restore.logbook import LogBook
from drkit.restore.plan import RestorePlan, Window, plan_restore
from drkit.restore.reach import Holdings, find_ways, windows
from drkit.restore.run import read_plan
from drkit.restore.stretch import Stretch
from drkit.restore.travel import Travel
from drkit.restore.wanted import Mark, Wanted
from drkit.sealing import Keyring


class Place(Protocol):
    @property
    def lsn(self) -> int: ...


@runtime_checkable
class ContinuousEngine(Protocol):
    """An engine whose points come with a log. `along` gives the same engine, bound to a way; `locate` looks through
    unbroken log for a restore point or the end of a transaction."""

    def along(self, travel: Travel) -> Engine: ...
    def locate(
        self, stretch: Stretch, book: LogBook, segment: int, *, name: str | None, transaction: int | None
    ) -> Place | None: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """`engine` is the one to restore with. `manifests` are those of all that is fetched, the plan's own last."""

    plan: RestorePlan
    engine: Engine
    manifests: tuple[Manifest, ...]
    travel: Travel | None = None
    doubts: tuple[Finding, ...] = ()
    hauls: tuple[Haul, ...] = ()  # of the farthest moments that could have been asked for

    @property
    def manifest(self) -> Manifest:
        return self.manifests[-1]

    @property
    def plain_bytes(self) -> int:
        return sum(manifest.plain_bytes for manifest in self.manifests)


def _unheard(_: RestorePlan) -> None:
    """Nobody wants to know before the manifests were read."""


def plan_ahead(
    store: Store,
    source: str,
    engine: Engine,
    wanted: Wanted,
    now: datetime,
    keyring: Keyring,
    tell: Callable[[RestorePlan], None] = _unheard,
    point: str | None = None,
) -> Planned:
    """A `keyring` without identities is enough for an outlook, where histories of timelines are guessed. `tell` hears
    of the plan before the manifests of what it takes are read, which may be damaged.
    `point` is the ID of the one to take and no other, as a forged one may have the same moment."""
    listing = catalog.survey(store, source)
    if isinstance(engine, ContinuousEngine):
        return _plan_along(store, listing, engine, wanted, now, keyring, tell)
    if isinstance(wanted, Mark):
        raise UsageError(f"{source} has no log, so {wanted} cannot be found in it", "name a time, or latest")
    points = [catalog.find_point(listing.points, point)] if point else listing.points
    plan = plan_restore(points, wanted, now)
    tell(plan)
    return Planned(plan, engine, (read_plan(store, plan, engine, keyring.signers),))


def reachable(store: Store, source: str, keyring: Keyring) -> list[Window]:
    """The moments that can be asked for, where a log goes with the points."""
    outlook = look(store, catalog.survey(store, source), keyring)
    return windows(source, find_ways(outlook.holdings))


def _plan_along(
    store: Store,
    listing: Listing,
    engine: ContinuousEngine,
    wanted: Wanted,
    now: datetime,
    keyring: Keyring,
    tell: Callable[[RestorePlan], None],
) -> Planned:
    outlook = look(store, listing, keyring)
    holdings = outlook.holdings
    if not isinstance(wanted, Mark):
        plan, journey = plan_journey(holdings, wanted, now)
    elif wanted.lsn is not None:
        plan, journey = plan_to_position(holdings, wanted.lsn, now)
    else:
        lsn = _locate(holdings, engine.locate, outlook.book, wanted)
        plan, journey = plan_to_position(holdings, lsn, now, inclusive=True)
    tell(plan)
    manifests = tuple(
        catalog.read_manifest(store, listing.source, held.point.id, keyring.signers) for held in journey.way.chain
    )
    travel = Travel(journey, manifests, outlook.book)
    hauls = tuple(farthest_hauls(find_ways(holdings)))
    return Planned(plan, engine.along(travel), manifests, travel, outlook.doubts, hauls)


def _locate(holdings: Holdings, locate: Callable[..., Place | None], book: LogBook, mark: Mark) -> int:
    """On the newest timeline that has it."""
    seen: list[Stretch] = []
    for way in reversed(find_ways(holdings)):
        if way.stretch in seen:
            continue
        seen.append(way.stretch)
        segment = way.held.base.wal_segment_bytes
        found = locate(way.stretch, book, segment, name=mark.name, transaction=mark.transaction)
        if found:
            return found.lsn
    raise NotRestorable(
        f"{mark} is not in the log of {holdings.source}", "choose a time: `drkit backup list` shows the windows"
    )


def describe_way(journey: Journey) -> dict[str, object]:
    """For people and programs that want to see the plan."""
    way = journey.way
    spans = [span for span in way.stretch.spans if span.size and span.end > way.held.base.start]
    return {
        "bases": [held.point.id for held in way.chain],
        "system_identifier": way.stretch.system,
        "timeline": way.stretch.timeline,
        "spans": len(spans),
        "bytes": sum(span.size for span in spans),
        "stops": "before the first transaction after the moment"
        if journey.moment
        else "at the position"
        if journey.lsn is not None
        else "where the log ends",
    }
