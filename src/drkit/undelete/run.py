"""Looking for what was hidden or overwritten, and bringing it back."""

from collections.abc import Collection

from drkit import catalog
from drkit.errors import UsageError
from drkit.ports import Store, Versioned, find_versioned
from drkit.prune.hidden import group
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead
from drkit.undelete.log import find_settled
from drkit.undelete.plan import UndeletePlan, plan_undelete
from drkit.undelete.vouching import Vouching

STREAMS = 8


def look_for_hidden(store: Store, source: str, signers: Collection[Signer], *, pruned: bool) -> UndeletePlan:
    """Of a source, and of the reports of its system. With `pruned` also what records say was removed."""
    versioned = _insist_on_versions(store, source)
    system = source.partition("/")[0]
    listed = [*versioned.versions(f"{source}/"), *versioned.versions(catalog.reports_of(system))]
    versions = group(listed)
    vouching = Vouching(versioned, versions, signers)
    removed = frozenset[str]() if pruned else vouching.removed(source)
    manifests = vouching.manifests(source)
    there = [manifest.base for point, (manifest, _) in manifests.items() if manifest.base and point not in removed]
    settled = find_settled(source, versions, None if pruned else there, vouching.signed)
    rest = {key: found for key, found in versions.items() if key not in settled}
    return plan_undelete(source, rest, manifests, removed, vouching.good, vouching.is_piece)


def undelete(store: Store, plan: UndeletePlan) -> None:
    """In the plan's order, as far as its manifests go: a point is listed once it is whole."""
    versioned = _insist_on_versions(store, plan.source)
    first = [each for each in plan.recoveries if not each.version.key.endswith(f"/{catalog.MANIFEST}")]
    last = [each for each in plan.recoveries if each.version.key.endswith(f"/{catalog.MANIFEST}")]
    for recoveries in (first, last):
        for _ in map_ahead(lambda each: versioned.bring_back(each.version, each.markers), recoveries, STREAMS):
            pass


def _insist_on_versions(store: Store, source: str) -> Versioned:
    versioned = find_versioned(store)
    if versioned is None:
        raise UsageError(
            f"the store of {source} keeps no versions: what was deleted or overwritten there is gone",
            "restore it from a replica, and keep backups in a bucket with versions and object lock",
        )
    return versioned
