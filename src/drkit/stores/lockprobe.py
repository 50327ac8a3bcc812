"""Trying out, before anything is at stake, whether a store really locks: a probe object is locked for two minutes, its
lock is read back, and then its removal is tried. What it leaves is hidden, and removed by a later probe.

It must not know what kind of store it tries.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from drkit.errors import Denied, StoreError
from drkit.model import Finding, Lock, Version
from drkit.ports import Clock, Store, Versioned, find_versioned
from drkit.stores.probe import RESERVED

_FOR = timedelta(minutes=2)
_OLD = timedelta(hours=1)
_MAKE = (
    "make a bucket with object lock, which on most servers must be asked for when it is made, name it in store.url,"
    " and copy there what the old one holds; or take store.lock_days out"
)


def probe_lock(store: Store, lock: Lock, token: str, clock: Clock) -> Iterator[Finding]:
    """What follows from a failed step is not tried."""
    try:
        versioned = find_versioned(store)
        if versioned is None:
            yield Finding("versions are kept", False, "the bucket keeps no versions, so it locks nothing", _MAKE)
            return
        yield Finding("versions are kept", True, "what is overwritten or deleted stays as a version")
        key, until = f"{RESERVED}/{token}/locked", clock() + _FOR
        versioned.put_locked(key, iter([b"nobody may remove this"]), lock.mode, until)
    except Denied as error:
        yield Finding("objects are locked", False, str(error), error.hint)
        return
    except StoreError as error:
        yield Finding("objects are locked", False, str(error), error.hint or _MAKE)
        return
    yield Finding("objects are locked", True, f"for {lock.days} days each, {lock.mode}; a probe's lock was read back")
    yield _try_to_remove(versioned, key)
    with suppress(Denied):
        store.delete([key])
        _tidy(versioned, clock)


def _try_to_remove(versioned: Versioned, key: str) -> Finding:
    check = "what is locked cannot be removed"
    try:
        # more than one where a put was sent twice, as its answer was lost or to see whether a taken key is refused
        stays = list(versioned.delete_versions([each for each in versioned.versions(key) if not each.marker]))
    except Denied as error:
        return Finding(check, True, f"not tried, and this role could not: {error}")
    if not stays:
        hint = "do not rely on locks there: the server says that it locks, and does not"
        return Finding(check, False, "a probe was locked, and removed all the same", hint)
    return Finding(check, True, "the removal of a locked probe was refused")


def _tidy(versioned: Versioned, clock: Clock) -> None:
    """Probes of other days, whose locks are over."""
    old: list[Version] = [each for each in versioned.versions(f"{RESERVED}/") if clock() - each.modified_at > _OLD]
    for _ in versioned.delete_versions(old):
        pass
