"""What a replica lacks of what the store holds: a decision over two listings, which copies nothing.

Nothing is ever taken away from a replica here: what vanished from the store may be the work of an attacker.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from drkit import catalog
from drkit.catalog.keys import PIN, SEALED
from drkit.model import Entry, Point
from drkit.retention import Policy, judge
from drkit.when import misdated


@dataclass(frozen=True, slots=True)
class BackupCopy:
    """A backup of which the replica lacks the manifest, or pieces although it has the manifest: `listed`.

    `beside` is what it lacks of the folder but the manifest: pieces first. `held` has all keys that the replica has, as
    a backup may share pieces with others."""

    source: str
    id: str
    manifest: Entry
    listed: bool
    beside: tuple[Entry, ...]
    held: frozenset[str]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.beside if self.listed else (*self.beside, self.manifest)


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """In the order in which it is carried out: `others`, then the newest backup first, each with its manifest last.

    `differing` are keys that both hold with another size. Keys are written once, so none of these is copied, nor a
    manifest that was to lie beside one."""

    others: tuple[Entry, ...]
    backups: tuple[BackupCopy, ...]
    differing: tuple[str, ...]

    @property
    def entries(self) -> Iterator[Entry]:
        yield from self.others
        for backup in self.backups:
            yield from backup.entries

    @property
    def bytes(self) -> int:
        return sum(entry.size for entry in self.entries)


def plan_copy(here: Iterable[Entry], there: Iterable[Entry], held_back: Collection[str] = ()) -> CopyPlan:
    """`here` is in the order of a listing. Backups whose ID is in `held_back` are not copied.

    A backup that has no manifest here may be in the middle of being written, or of being removed: it waits.
    What is not of a backup is copied whatever it is: evidence before the marks that name it.
    """
    sizes = {entry.key: entry.size for entry in there}
    held = frozenset(sizes)
    others: list[Entry] = []
    late: list[Entry] = []
    backups: list[BackupCopy] = []
    differing: list[str] = []
    for folder, entries in groupby(here, key=_folder):
        found = list(entries)
        lacking = [entry for entry in found if entry.key not in sizes]
        if folder is None:
            others += lacking
            differing += _differing(found, sizes)
            continue
        manifest = next((entry for entry in found if entry.key == catalog.manifest_key(*folder)), None)
        if manifest is None or catalog.parse_id(folder[1]) is None:
            continue
        bad = _differing(found, sizes)
        differing += bad
        listed = manifest.key in sizes
        if listed and not any(entry.key.endswith(SEALED) for entry in lacking):
            late += lacking
        elif lacking and not bad and (listed or folder[1] not in held_back):
            beside = sorted((e for e in lacking if e is not manifest), key=lambda e: not e.key.endswith(SEALED))
            backups.append(BackupCopy(*folder, manifest, listed, tuple(beside), held))
    backups.sort(key=lambda backup: (backup.id, backup.source), reverse=True)
    return CopyPlan((*others, *late), tuple(backups), tuple(differing))


def catch_up(plan: CopyPlan, there: Iterable[Point], own: str) -> CopyPlan:
    """What a run that has just made the backup `own` copies: that one, and those that are newer than the newest point
    there. What is missing further back, as all is in a replica that is new, would keep it busy for too long."""
    newest = max((point.id for point in there if point.id != own), default=own)
    return replace(plan, backups=tuple(each for each in plan.backups if each.id > newest or each.id == own))


def find_held_back(
    policy: Policy | None, here: Sequence[Point], there: Sequence[Point], zone: ZoneInfo, now: datetime
) -> set[str]:
    """IDs of points that the replica's own retention would let go at once. Whatever is newer than the newest point
    there is never among them: points that somebody forged here must not keep the true ones away."""
    if policy is None:
        return set()
    newest = max((point.id for point in there if not misdated(point, now)), default="")
    known = {point.id: point for point in (*there, *here)}
    return {
        verdict.point.id
        for verdict in judge(policy, known.values(), zone, now)
        if not verdict.reasons and verdict.point.id < newest
    }


def _folder(entry: Entry) -> tuple[str, str] | None:
    """Below `backups/` what lies in no folder with an ID is nobody's, and has no manifest: it waits for ever."""
    if found := catalog.parse_backup_key(entry.key):
        return found[:2]
    source, inside, rest = entry.key.partition("/backups/")
    return (source, rest.partition("/")[0]) if inside and source.count("/") == 1 else None


def _differing(entries: Iterable[Entry], sizes: dict[str, int]) -> list[str]:
    """A pin may be taken away and put again, for another reason."""
    return [
        entry.key
        for entry in entries
        if sizes.get(entry.key, entry.size) != entry.size and not entry.key.endswith(f"/{PIN}")
    ]
