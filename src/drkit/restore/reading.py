"""A restore says in the store which backups it reads, before it reads them: from then on no prune takes them away.

Where it may not say so it goes on all the same, and is told. It must not know how anything is restored.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from drkit import catalog
from drkit.errors import DrkitError, NotRestorable, StoreError
from drkit.model import Manifest, Restored
from drkit.ports import Store


class Reading:
    """`unsaid` is why the store does not know of it. With `goes_on` the marks stay when the restore is over, as what
    was restored still reads from the store; they count for a day."""

    def __init__(self) -> None:
        self.unsaid = ""
        self.goes_on = False

    def end_with(self, restored: Restored) -> Restored:
        """What the restore has come to, and has to tell."""
        self.goes_on = restored.reads_on
        return replace(restored, notes=(*restored.notes, self.unsaid)) if self.unsaid else restored


@contextmanager
def reading(store: Store, manifests: Sequence[Manifest]) -> Iterator[Reading]:
    """The `manifests` are those of all that is read, of one source. NotRestorable if one of them is gone by then."""
    said, token = Reading(), secrets.token_hex(8)
    backups = {each.id for each in manifests}.union(*map(catalog.folders_in, manifests))  # whose pieces it has, too
    keys = [catalog.reading_key(manifests[0].source, each, token) for each in sorted(backups)]
    try:
        catalog.mark_reading(store, keys)
    except StoreError as error:
        said.unsaid = f"a prune may remove what is read here, as the store does not take a mark: {error}"
    try:
        _insist_on_presence(store, manifests)
        yield said
    finally:
        if not said.goes_on:
            with suppress(DrkitError):  # a role that may not remove it, or a store that is gone
                store.delete(keys)


def _insist_on_presence(store: Store, manifests: Sequence[Manifest]) -> None:
    """A prune that did not see the mark has removed the manifest before it was put."""
    for each in manifests:
        key = catalog.manifest_key(each.source, each.id)
        if not any(entry.key == key for entry in store.list(key)):
            raise NotRestorable(f"{each.id} of {each.source} was pruned meanwhile", "restore another point")
