"""Which version of each object is the one that drkit wrote, and how it becomes the one that a reader sees.

It must not know how a version is brought back, nor where bytes are read: it asks `Vouching` whether some are good.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drkit import catalog
from drkit.catalog.keys import PIN
from drkit.model import Manifest, Piece, Version

Versions = Mapping[str, tuple[Version, ...]]
# Whether that version is what drkit put there.
Good = Callable[[Version], bool]


@dataclass(frozen=True, slots=True)
class Recovery:
    """`version` becomes the current one: by removing the `markers` above it, or without any by a copy of it."""

    version: Version
    markers: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class UndeletePlan:
    """`points` are the IDs of those that are listed, or whole, only after it. `pruned` are those that a record says
    were removed, and that are left alone. `lost` are objects that a manifest lists, and that no version is."""

    source: str
    recoveries: tuple[Recovery, ...] = ()
    points: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(each.version.size for each in self.recoveries)


def plan_undelete(
    source: str,
    versions: Versions,
    manifests: Mapping[str, tuple[Manifest, Version]],
    removed: Collection[str],
    good: Callable[[str], Good],
    is_piece: Callable[[Piece], Good],
) -> UndeletePlan:
    """`manifests` are the believed ones of each point, with the version that is it. `removed` are left alone. Pieces
    come first and manifests last, so that a point is listed once it is whole."""
    pruned = [each for each in manifests if each in removed and _is_hidden(versions, source, each)]
    others = [key for key in versions if not key.startswith(catalog.backups_of(source))]
    recoveries = list(_recover_all(versions, others, good))
    points: list[str] = []
    lost: list[str] = []
    last: list[Recovery] = []
    for point, (manifest, version) in manifests.items():
        if point in removed:
            continue
        found, missing = _recover_point(versions, source, point, manifest, good, is_piece)
        above = recover(versions[version.key], version)
        last += [above] if above else []
        if found or above:
            points.append(point)
        recoveries += found
        lost += missing
    # what points share is brought back once
    recoveries = list(dict.fromkeys((*recoveries, *last)))
    return UndeletePlan(source, tuple(recoveries), tuple(points), tuple(pruned), tuple(dict.fromkeys(lost)))


def recover(versions: Sequence[Version], wanted: Version) -> Recovery | None:
    """None where a reader sees those bytes already."""
    current = versions[0]
    if not current.marker and (current.id == wanted.id or (current.tag, current.size) == (wanted.tag, wanted.size)):
        return None
    newest = next(each for each in versions if not each.marker)
    if newest.id != wanted.id:
        return Recovery(wanted, ())
    return Recovery(wanted, tuple(each for each in versions if each.marker and each.modified_at >= wanted.modified_at))


def choose(versions: Sequence[Version], good: Good) -> Version | None:
    """The current one if it is good; else the first good one, as keys are written once."""
    oldest_first = list(reversed(versions))
    for each in sorted(oldest_first, key=lambda version: not version.current):
        if not each.marker and good(each):
            return each
    return None


def _recover_point(
    versions: Versions,
    source: str,
    point: str,
    manifest: Manifest,
    good: Callable[[str], Good],
    is_piece: Callable[[Piece], Good],
) -> tuple[list[Recovery], list[str]]:
    """Its pieces, and what drills have put beside it; a pin that is gone was taken back by `drkit unpin`."""
    folder = f"{catalog.folder_of(source, point)}/"
    found: list[Recovery] = []
    missing: list[str] = []
    for piece in manifest.pieces:
        there = versions.get(piece.key, ())
        wanted = _choose_piece(there, piece, is_piece)
        if wanted is None:
            missing.append(piece.key)
        elif recovery := recover(there, wanted):
            found.append(recovery)
    known = {piece.key for piece in manifest.pieces} | {folder + catalog.MANIFEST, folder + PIN}
    found += _recover_all(versions, [key for key in versions if key.startswith(folder) and key not in known], good)
    return found, missing


def _choose_piece(versions: Sequence[Version], piece: Piece, is_piece: Callable[[Piece], Good]) -> Version | None:
    """Bytes are read only where several versions of the right size differ."""
    fitting = [each for each in versions if not each.marker and each.size == piece.sealed.size]
    if len({each.tag for each in fitting}) == 1:
        return fitting[0]
    return choose(fitting, is_piece(piece))


def _recover_all(versions: Versions, keys: Sequence[str], good: Callable[[str], Good]) -> Iterator[Recovery]:
    for key in keys:
        found = versions[key]
        if len(found) == 1:
            continue  # nobody has done anything to it
        wanted = choose(found, good(key))
        if wanted and (recovery := recover(found, wanted)):
            yield recovery


def _is_hidden(versions: Versions, source: str, point: str) -> bool:
    found = versions.get(catalog.manifest_key(source, point), ())
    return bool(found) and found[0].marker
