"""Trying out, before anything is at stake, what a store must be able to do. It leaves nothing behind.

It must not know what kind of store it tries, but for an S3 bucket's own facts.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Protocol, runtime_checkable

from drkit.errors import AlreadyExists, Denied, StoreError
from drkit.model import Finding
from drkit.ports import Clock, Decorator, Store, find_versioned
from drkit.streams.ahead import map_ahead

RESERVED = ".drkit-check"
_AT_ONCE = 16


@runtime_checkable
class KnowsItself(Protocol):
    def describe(self) -> Iterator[Finding]: ...


def measure_offset(store: Store, clock: Clock, token: str) -> timedelta:
    """By how much our clock is ahead of the store's, which may tell full seconds only."""
    key = f"{RESERVED}/{token}/clock"
    before = clock()
    try:
        store.put(key, iter([b"what time is it there?"]))
        [stamp] = [entry.modified_at for entry in store.list(key)]
    finally:
        with suppress(Denied):  # a role that only backs up leaves it there
            store.delete([key])
    return before - stamp


def probe(store: Store, token: str, *, only_puts: bool = False) -> Iterator[Finding]:
    """`token` must be new: two probes at once must not meet. What follows from a failed step is not tried. Where the
    role `only_puts`, it is as well that it may neither read nor delete."""
    place = f"{RESERVED}/{token}"
    one, raced = f"{place}/one", f"{place}/raced"
    try:
        put = _step("put an object", lambda: _put(store, one), "nothing can be backed up without it")
        yield put
        if put.passed:
            yield _step("list objects", lambda: _listed(store, place, one), "all but a backup begins with a listing")
            yield _step("get an object", lambda: _got(store, one), "restore and prune read objects", only_puts)
            yield _step("write once", lambda: _refused(store, one), "a key that is taken must stay as it is")
            yield _step("write once, sixteen at once", lambda: _raced(store, raced), "drkit keeps backups apart")
    finally:
        deleted = _step("delete objects", lambda: _deleted(store, one, raced), _PRUNES, only_puts)
    yield deleted
    while isinstance(store, Decorator):
        store = store.inner
    if isinstance(store, KnowsItself):
        yield from store.describe()


_PRUNES = "prune removes what no rule keeps"


def _step(check: str, attempt: Callable[[], str], needed: str, spared: bool = False) -> Finding:
    try:
        return Finding(check, True, attempt())
    except Denied as error:
        told = f"{error} Backups do not need it." if spared else str(error)
        return Finding(check, spared, told, f"{needed[0].upper()}{needed[1:]}. {error.hint}".strip())
    except StoreError as error:
        return Finding(check, False, str(error), f"{needed[0].upper()}{needed[1:]}. {error.hint}".strip())


def _put(store: Store, key: str) -> str:
    store.put(key, iter([key.encode()]))
    return f"{key} was written."


def _listed(store: Store, place: str, key: str) -> str:
    found = [entry.key for entry in store.list(f"{place}/")]
    if found != [key]:
        raise StoreError(f"{key} was written, but the listing shows {found}.")
    return "The listing shows what was written."


def _got(store: Store, key: str) -> str:
    if b"".join(store.get(key)) != key.encode():
        raise StoreError(f"{key} came back with other bytes than were written.")
    return "What was written came back."


def _refused(store: Store, key: str) -> str:
    try:
        store.put(key, iter([b"another"]))
    except AlreadyExists:
        return "A second put of the same key was refused."
    if find_versioned(store):  # and the role may not look whether a key is taken
        return "A second put of the same key was taken, and the first one stays under it as a version."
    raise StoreError(f"A second put of {key} was taken, and the first one's bytes are gone.")


def _raced(store: Store, key: str) -> str:
    def put(number: int) -> bool:
        try:
            store.put(key, iter([f"{number:02}".encode()]))
        except AlreadyExists:
            return False
        return True

    won = sum(map_ahead(put, range(_AT_ONCE), _AT_ONCE))
    told = f"Of {_AT_ONCE} puts of one key at once {won} {'was' if won == 1 else 'were'} taken."
    return told if won == 1 else f"{told} {_RACED}"


_RACED = (
    "This server does not keep them apart. drkit's keys are unique and do not rest on it, "
    "but nothing else should write under this prefix."
)


def _deleted(store: Store, *keys: str) -> str:
    store.delete(keys)
    if left := [entry.key for key in keys for entry in store.list(key)]:
        raise StoreError(f"{left} were deleted, but the listing still shows them.")
    return "What was written is gone again."
