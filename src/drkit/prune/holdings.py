"""What a store that keeps versions holds of one source, and what of it nobody can remove yet.

It must not know which rule lets a point go.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from drkit import catalog
from drkit.catalog import Listing, Reading
from drkit.model import Point, Version
from drkit.ports import Store, Versioned, find_versioned
from drkit.prune.hidden import READERS, find_hidden, group, keep_genuine
from drkit.prune.removals import read_removed
from drkit.retention import Verdict
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead
from drkit.when import format_moment

READ = "being restored"
NOBODY = Reading()
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Holdings:
    """As seen `at` that moment. `versions` are those of each key, the newest first. `locked` maps a point to the end of
    its manifest's lock. `hidden` are points whose manifest only a marker hides, and which no record says were removed:
    somebody else did it; `hidden_log` are keys of a log of which the same is true. `leftovers` are versions of points
    that were removed by record, and of log that nobody needs: out of sight, and paid for until they are gone.
    What somebody is `reading` stays for now, in any store."""

    at: datetime
    versions: Mapping[str, tuple[Version, ...]] = field(default_factory=dict, repr=False)
    locked: Mapping[str, datetime] = field(default_factory=dict)
    reading: Reading = NOBODY
    hidden: tuple[str, ...] = ()
    hidden_log: tuple[str, ...] = ()
    leftovers: tuple[Version, ...] = ()

    def first(self, key: str) -> Version | None:
        """Keys are written once: what came later is somebody else's."""
        return first_of(self.versions.get(key, ()))

    def of(self, keys: Iterable[str]) -> Iterator[Version]:
        for key in keys:
            yield from self.versions.get(key, ())

    def withhold(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        """What is let go and locked stays for now, and says for how long; and so does what is being restored."""
        return [each if each.reasons else Verdict(each.point, self._held(each.point.id)) for each in verdicts]

    def _held(self, point: str) -> tuple[str, ...]:
        if self._is_locked(point):
            return (self._why(point),)
        return (READ,) if point in self.reading.backups else ()

    def waits(self, verdict: Verdict) -> bool:
        """Whether it stays for its lock, and by no rule."""
        return self._is_locked(verdict.point.id) and self._why(verdict.point.id) in verdict.reasons

    def _is_locked(self, point: str) -> bool:
        return self.locked.get(point, self.at) > self.at

    def _why(self, point: str) -> str:
        return f"retained until {format_moment(self.locked[point])}"

    def protected(self, listing: Listing) -> set[str]:
        """What a prune would take for the rest of a backup that was never finished."""
        folders = {catalog.folder_of(listing.source, each) for each in (*self.hidden, *self.reading.backups)}
        return {entry.key for entry in listing.entries if entry.key.rsplit("/", 1)[0] in folders}

    def reads_removed(self, listing: Listing) -> bool:
        """Whether a backup is read whose manifest went at that moment: nobody knows which log it needs."""
        return not self.reading.backups <= {point.id for point in listing.points}

    def sparing(self, referenced: Collection[str]) -> "Holdings":
        """A piece that a manifest which stays lists is nobody's leftover, wherever it lies."""
        return replace(self, leftovers=tuple(each for each in self.leftovers if each.key not in referenced))

    def weigh(self, keys: Iterable[str]) -> int:
        """The bytes of every version that would go with them, not only of those that a listing shows."""
        return sum(each.size for each in (*self.of(keys), *self.leftovers))


def first_of(versions: Sequence[Version]) -> Version | None:
    return next((each for each in reversed(versions) if not each.marker), None)


def look_up_held(store: Store, listing: Listing, signers: Collection[Signer], now: datetime) -> Holdings:
    """Of a store that keeps no versions no more than what is being read. The records are read only where something is
    out of sight."""
    reading = catalog.find_reading(store, listing.source, catalog.newest_stamp(listing.entries, now) - catalog.COUNTS)
    versioned = find_versioned(store)
    if versioned is None:
        return Holdings(now, reading=reading)
    versions = group(versioned.versions(catalog.backups_of(listing.source)))
    shown = {entry.key for entry in listing.entries}
    removed = read_removed(store, listing.source, signers) if versions.keys() - shown else frozenset()
    log = group(versioned.versions(catalog.log_of(listing.source)))
    held = hold(listing, {**versions, **log}, removed, now)
    hidden = keep_genuine(versioned, listing.source, held.hidden, versions, signers)
    return replace(held, reading=reading, hidden=tuple(hidden), locked=read_locks(versioned, held, listing.points))


def hold(
    listing: Listing, versions: Mapping[str, tuple[Version, ...]], removed: Collection[str], now: datetime
) -> Holdings:
    """`removed` are the points that records say were removed."""
    source = listing.source
    there = {point.id for point in listing.points}
    gone = {catalog.folder_of(source, each) for each in removed if each not in there}
    # what a listing still shows in such a folder goes by the plan
    shown = {entry.key for entry in listing.entries}
    leftovers = tuple(
        each for key, found in versions.items() if key.rsplit("/", 1)[0] in gone and key not in shown for each in found
    )
    hidden = tuple(each for each in find_hidden(source, versions) if each not in removed)
    return Holdings(now, versions, hidden=hidden, leftovers=leftovers)


def read_locks(store: Versioned, holdings: Holdings, points: Iterable[Point]) -> dict[str, datetime]:
    """When the lock of each point's manifest ends: of whichever of its versions is locked longest."""
    asked = [
        (point.id, version)
        for point in points
        for version in holdings.versions.get(catalog.manifest_key(point.source, point.id), ())
        if not version.marker
    ]
    ends = map_ahead(lambda each: store.locked_until(each[1]), asked, READERS)
    locked: dict[str, datetime] = {}
    for (point_id, _), end in zip(asked, ends, strict=True):
        if end:
            locked[point_id] = max(end, locked.get(point_id, end))
    return locked
