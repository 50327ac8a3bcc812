"""Points that somebody hid: their manifest is there, a marker lies over it, and no record says that a prune did it.

It must not know what becomes of them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from drkit import catalog
from drkit.errors import IntegrityError
from drkit.model import Version
from drkit.ports import Store, Versioned, find_versioned
from drkit.prune.removals import read_removed
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

READERS = 8
MOST_ASKED = 20_000  # about locks of a log, in one run; the rest is for the next one
LARGEST = 64 << 20  # a manifest is some kilobytes; who puts more there did not write one


def group(versions: Iterable[Version]) -> dict[str, tuple[Version, ...]]:
    return {key: tuple(found) for key, found in groupby(versions, key=lambda each: each.key)}


def find_hidden(source: str, versions: Mapping[str, Sequence[Version]]) -> list[str]:
    """The points whose manifest is there, and not to be seen."""
    prefix, name = catalog.backups_of(source), f"/{catalog.MANIFEST}"
    return [
        key[len(prefix) : -len(name)]
        for key, found in versions.items()
        if key.startswith(prefix) and key.endswith(name) and found[0].marker and not all(each.marker for each in found)
        if catalog.parse_id(key[len(prefix) : -len(name)])
    ]


def keep_genuine(
    store: Versioned,
    source: str,
    points: Sequence[str],
    versions: Mapping[str, Sequence[Version]],
    signers: Collection[Signer],
) -> list[str]:
    """Those that were points once: a forged manifest that was hidden is no loss."""

    def is_genuine(point: str) -> bool:
        there = [each for each in versions[catalog.manifest_key(source, point)] if not each.marker]
        return any(_is_manifest(store, source, point, each, signers) for each in reversed(there))

    return [point for point, genuine in zip(points, map_ahead(is_genuine, points, READERS), strict=True) if genuine]


def look_for_hidden_points(store: Store, source: str, signers: Collection[Signer]) -> list[str]:
    """Where the store keeps no versions, what was deleted is gone."""
    versioned = find_versioned(store)
    if versioned is None:
        return []
    versions = group(versioned.versions(catalog.backups_of(source)))
    found = find_hidden(source, versions)
    removed = read_removed(store, source, signers) if found else frozenset()
    return keep_genuine(versioned, source, [each for each in found if each not in removed], versions, signers)


def complain(source: str, points: Sequence[str]) -> IntegrityError:
    many = "1 point is" if len(points) == 1 else f"{len(points)} points are"
    return IntegrityError(
        f"{source}: {many} hidden by somebody else than a prune, from {min(points)} to {max(points)}",
        f"see who can delete there; `drkit undelete {source}` brings back what is there",
    )


def complain_of_log(source: str, keys: Sequence[str]) -> IntegrityError:
    many = "1 object of the log is" if len(keys) == 1 else f"{len(keys)} objects of the log are"
    return IntegrityError(
        f"{source}: {many} hidden by somebody else than a prune, from {min(keys)} on: no log is removed meanwhile",
        f"see who can delete there; `drkit undelete {source}` brings back what is there",
    )


def _is_manifest(store: Versioned, source: str, point: str, version: Version, signers: Collection[Signer]) -> bool:
    if version.size > LARGEST:
        return False
    try:
        catalog.parse_manifest(source, point, b"".join(store.get_version(version)), signers)
    except IntegrityError:
        return False
    return True
