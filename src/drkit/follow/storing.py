"""One portion of log, or a timeline's history, put into the store under its own name; and what it replaces taken away,
once nobody can be reading it any more.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock

from drkit import catalog
from drkit.catalog import HISTORY, Log, Span
from drkit.errors import AlreadyExists, LogBroken, StoreError, WrongKey
from drkit.follow.cutting import Portion
from drkit.follow.resume import ELSEWHERE
from drkit.ports import Chunks, Effort, Store
from drkit.sealing import Keyring, Seal, opening, saving, vouched
from drkit.signing import Signer

_CHUNK = 1 << 20
_TRIES = 100
_LOOKED_AT = 64  # the rest is for the next one
# Somebody who lists the store while spans are merged must find either the old ones or the new one.
_GRACE = 60.0


@dataclass
class _Retired:
    keys: list[str]
    since: float


def _chunks(data: memoryview) -> Chunks:
    for at in range(0, len(data), _CHUNK):
        yield bytes(data[at : at + _CHUNK])


class LogWriter:
    """`told` hears of each span once it is stored."""

    def __init__(
        self,
        source: str,
        system: str,
        store: Store,
        seal: Seal,
        signers: frozenset[Signer],
        told: Callable[[Span], None],
    ) -> None:
        self._source, self._system, self._store, self._seal = source, system, store, seal
        self._told = told
        self._keyring = Keyring((seal.own_identity,), signers)
        self._retired: deque[_Retired] = deque()
        self._lock = Lock()

    def put(self, portion: Portion) -> None:
        """Under a name that is taken may lie anything: then it gets a moment a little earlier, which is as true."""
        span = portion.span
        for _ in range(_TRIES):
            folder = catalog.timeline_folder(self._source, span.system, span.timeline)
            save = saving(self._store, folder, self._seal, effort=Effort.TEXT)
            try:
                save(catalog.span_name(span), _chunks(portion.data))
            except AlreadyExists:
                span = replace(span, covered_until=span.covered_until - timedelta(microseconds=1))
            else:
                self.retire(each for each in portion.replaces if each != span)
                self._told(span)
                return
        raise StoreError(
            f"every name for {catalog.span_key(self._source, span)} is taken", "look who else writes there"
        )

    def retire(self, spans: Iterable[Span]) -> None:
        """They may be removed a minute from now."""
        if keys := [catalog.span_key(self._source, span) for span in spans]:
            with self._lock:
                self._retired.append(_Retired(keys, time.monotonic()))

    def retire_leftovers(self, spans: Iterable[Span]) -> None:
        """What another follower was killed before removing. A name proves nothing: what is to stay must be signed."""
        found = list(catalog.superseded(spans))
        staying = list(dict.fromkeys(by for _, by in found))[-_LOOKED_AT:]
        sound = {
            by for by in staying if vouched(self._store, catalog.span_key(self._source, by), self._keyring.signers)
        }
        self.retire(span for span, by in found if by in sound)

    def clear(self) -> None:
        """Remove what was replaced a while ago. What cannot be removed now, the next follower finds."""
        with self._lock:
            ripe = [each for each in self._retired if time.monotonic() - each.since >= _GRACE]
            for each in ripe:
                self._retired.remove(each)
        if ripe:
            with suppress(StoreError):
                self._store.delete(key for each in ripe for key in each.keys)

    def keep_history(self, log: Log, timeline: int, content: bytes) -> None:
        """LogBroken if the store has another one: then another copy of this server was promoted to that timeline."""
        key = catalog.history_key(self._source, self._system, timeline)
        if (self._system, timeline) in log.histories:
            if self._differs(key, content):
                raise LogBroken(
                    f"{key} tells of another history than the server does: another copy of this server was promoted to"
                    f" timeline {timeline}, too",
                    ELSEWHERE,
                )
            return
        folder = catalog.timeline_folder(self._source, self._system, timeline)
        saving(self._store, folder, self._seal, effort=Effort.TEXT, reads_back=frozenset({HISTORY}))(
            HISTORY, iter([content])
        )

    def _differs(self, key: str, content: bytes) -> bool:
        """What another host stored cannot be opened here, and passes."""
        try:
            return b"".join(opening(self._store, key, self._keyring)) != content
        except WrongKey:
            return False
