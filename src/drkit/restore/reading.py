"""A restore says in the store which backups it reads, before it reads them: from then on no prune takes them away.

Where it may not say so it goes on all the same, and is told. It must not know how anything is restored.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

from drkit import catalog
from drkit.errors import DrkitError, NotRestorable, StoreError
from drkit.model import Manifest, Restored
from drkit.ports import Store

_AGAIN = catalog.COUNTS / 4


class Reading:
    """`unsaid` is why the store does not know of it. With `goes_on` the marks stay when the restore is over, as what
    was restored still reads from the store; they count for a day."""

    def __init__(self, store: Store, source: str, backups: Sequence[str]) -> None:
        self._store = store
        self._source = source
        self._backups = backups
        self._keys: tuple[str, ...] = ()
        self.unsaid = ""
        self.goes_on = False

    def end_with(self, restored: Restored) -> Restored:
        """What the restore has come to, and has to tell."""
        self.goes_on = restored.reads_on
        return replace(restored, notes=(*restored.notes, self.unsaid)) if self.unsaid else restored

    def say(self) -> None:
        """By new marks, whose time begins now; those of before go."""
        token, before = secrets.token_hex(8), self._keys
        new = tuple(catalog.reading_key(self._source, each, token) for each in self._backups)
        self._keys = before + new  # also if some of them cannot be put
        try:
            catalog.mark_reading(self._store, new)
        except StoreError as error:
            self.unsaid = f"a prune may remove what is read here, as the store does not take a mark: {error}"
        else:
            self.unsaid = ""
            self._remove(before)
            self._keys = new

    def end(self) -> None:
        if not self.goes_on:
            self._remove(self._keys)

    def _remove(self, keys: Sequence[str]) -> None:
        with suppress(DrkitError):  # a role that may not remove it, or a store that is gone
            self._store.delete(keys)


@contextmanager
def reading(store: Store, manifests: Sequence[Manifest], again: timedelta = _AGAIN) -> Iterator[Reading]:
    """The `manifests` are those of all that is read, of one source. NotRestorable if one of them is gone by then. It is
    said `again` for as long as it takes."""
    backups = {each.id for each in manifests}.union(*map(catalog.folders_in, manifests))  # whose pieces it has, too
    said, over = Reading(store, manifests[0].source, sorted(backups)), Event()
    repeating = Thread(target=_repeat, args=(said, again, over), name="marks of a restore", daemon=True)
    said.say()
    try:
        _insist_on_presence(store, manifests)
        repeating.start()
        yield said
    finally:
        over.set()
        if repeating.ident:
            repeating.join()
        said.end()


def _repeat(said: Reading, again: timedelta, over: Event) -> None:
    while not over.wait(again.total_seconds()):
        said.say()


def _insist_on_presence(store: Store, manifests: Sequence[Manifest]) -> None:
    """A prune that did not see the mark has removed the manifest before it was put."""
    for each in manifests:
        key = catalog.manifest_key(each.source, each.id)
        if not any(entry.key == key for entry in store.list(key)):
            raise NotRestorable(f"{each.id} of {each.source} was pruned meanwhile", "restore another point")
