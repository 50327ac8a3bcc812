"""The log of one source as a restore reads it: the listing, the bytes of spans, the histories of timelines.

Small spans are merged into larger ones meanwhile, so what was listed may be gone: then the listing is read again.
"""

from collections.abc import Mapping
from contextlib import suppress

from drkit.catalog.log import Log, Span, history_key, span_key, survey_log
from drkit.errors import IntegrityError, WrongKey
from drkit.ports import Chunks, Store
from drkit.restore.lineage import Fork, parse_history
from drkit.sealing import Keyring, opening


class LogBook:
    def __init__(self, store: Store, source: str, keyring: Keyring, log: Log | None = None) -> None:
        self._store = store
        self._source = source
        self._keyring = keyring
        self._log = log or survey_log(store, source)
        self._histories: dict[tuple[str, int], bytes] = {}

    @property
    def log(self) -> Log:
        return self._log

    def relist(self) -> None:
        self._log = survey_log(self._store, self._source)

    def key(self, span: Span) -> str:
        return span_key(self._source, span)

    def history_key(self, system: str, timeline: int) -> str:
        return history_key(self._source, system, timeline)

    def read(self, span: Span) -> Chunks:
        """NotFound if it was merged into another one since it was listed."""
        size = 0
        for chunk in opening(self._store, self.key(span), self._keyring):
            size += len(chunk)
            yield chunk
        if size != span.size:
            raise IntegrityError(
                f"{self.key(span)} holds {size} bytes where its name promises {span.size}", "restore from another copy"
            )

    def history(self, system: str, timeline: int) -> bytes:
        if (found := self._histories.get((system, timeline))) is None:
            key = self.history_key(system, timeline)
            found = self._histories[system, timeline] = b"".join(opening(self._store, key, self._keyring))
        return found

    def histories(self) -> Mapping[tuple[str, int], tuple[Fork, ...]]:
        """Those that the keys at hand open."""
        found = {}
        for system, timeline in sorted(self._log.histories):
            with suppress(WrongKey):
                found[system, timeline] = parse_history(self.history(system, timeline), timeline)
        return found
