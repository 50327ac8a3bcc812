"""What of a stored log goes, what waits for a lock, and what of it is out of sight: of all its objects and versions.

It must not know which spans bases need: `LogPlan` and `let_go` say so.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from drkit import catalog
from drkit.catalog import Log, Span
from drkit.model import Entry, Lock, Version
from drkit.ports import Store, find_versioned
from drkit.prune.hidden import MOST_ASKED, READERS
from drkit.prune.holdings import Holdings
from drkit.sealing import vouched
from drkit.signing import Signer
from drkit.streams.ahead import map_ahead

# Whoever began to read a listing before spans were merged has ended by then.
SETTLED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LogShare:
    """`going` no base that stays needs, and `waiting` are as many that are locked. `merged` say nothing that another
    span does not say. `kept` are the keys that stay. `hidden` are needed, and only a marker hides them: somebody else
    did that, and nothing but `merged` goes meanwhile. `leftovers` are out of sight, and nobody needs them."""

    going: tuple[Entry, ...] = ()
    waiting: int = 0
    merged: tuple[Entry, ...] = ()
    kept: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    leftovers: tuple[Version, ...] = ()


def share_out(
    store: Store,
    log: Log,
    going: Collection[Span],
    let_go: Callable[[Sequence[Span]], Collection[Span]],
    held: Holdings,
    signers: Collection[Signer],
    lock: Lock | None,
) -> LogShare:
    """`going` may go of what is listed; `let_go` tells what could if others were listed, too."""
    parsed = {entry: catalog.parse_log_key(log.source, entry.key) for entry in log.entries}
    shown = {span: entry for entry, span in parsed.items() if isinstance(span, Span)}
    unseen = find_unseen(log, held)
    merged = _merged(store, log.source, [span for span in shown if span not in going], unseen, signers)
    odd = [span for span in unseen if span not in merged]
    unneeded = set(let_go([*shown, *odd])) if odd else set()
    hidden = (*(unseen[span] for span in odd if span not in unneeded), *find_unseen_histories(log, held))
    gone = [key for span, key in unseen.items() if span in merged or span in unneeded]
    newest = catalog.newest_stamp(log.entries, held.at)
    settled = [shown[span] for span in shown if span in merged and newest - shown[span].modified_at >= SETTLED]
    leaving = [] if hidden else [shown[span] for span in shown if span in going]
    free = find_free(store, held, [*(entry.key for entry in (*leaving, *settled)), *gone], lock)
    out = {*going, *merged}
    staying = [entry.key for entry, span in parsed.items() if not isinstance(span, Span) or span not in out]
    return LogShare(
        going=tuple(entry for entry in leaving if entry.key in free),
        waiting=sum(entry.key not in free for entry in leaving),
        merged=tuple(entry for entry in settled if entry.key in free),
        kept=tuple(staying),
        hidden=hidden,
        leftovers=tuple(held.of(key for key in gone if key in free)),
    )


def find_unseen(log: Log, held: Holdings) -> dict[Span, str]:
    """Those that lie under a marker, with their keys."""
    found = {key: catalog.parse_log_key(log.source, key) for key in _unseen_keys(log, held)}
    return {span: key for key, span in found.items() if isinstance(span, Span)}


def find_unseen_histories(log: Log, held: Holdings) -> list[str]:
    """No prune takes one away."""
    return [key for key in _unseen_keys(log, held) if isinstance(catalog.parse_log_key(log.source, key), tuple)]


def find_free(store: Store, held: Holdings, keys: Iterable[str], lock: Lock | None) -> set[str]:
    """The keys of which no version is locked. As the schedule says for how long they are, only the old ones are asked
    about, the oldest first."""
    asked, versioned = list(keys), find_versioned(store) if held.versions else None
    if versioned is None:
        return set(asked)
    there = {key: [each for each in held.versions.get(key, ()) if not each.marker] for key in asked}
    last = {key: max((each.modified_at for each in found), default=held.at) for key, found in there.items()}
    old = sorted((key for key in asked if lock is None or lock.until(last[key]) <= held.at), key=lambda key: last[key])
    ends = map_ahead(
        lambda key: max((versioned.locked_until(each) or held.at for each in there[key]), default=held.at),
        old[:MOST_ASKED],
        READERS,
    )
    return {key for key, end in zip(old, ends, strict=False) if end <= held.at}


def _unseen_keys(log: Log, held: Holdings) -> list[str]:
    listed, prefix = {entry.key for entry in log.entries}, catalog.log_of(log.source)
    return [
        key
        for key, versions in held.versions.items()
        if key.startswith(prefix) and key not in listed and any(not each.marker for each in versions)
    ]


def _merged(
    store: Store, source: str, staying: Sequence[Span], unseen: Iterable[Span], signers: Collection[Signer]
) -> set[Span]:
    """Those that one which stays, and is listed, says as well. A name proves nothing: that one must be signed."""
    there = set(staying)
    pairs = [(span, by) for span, by in catalog.superseded({*staying, *unseen}) if by in there]
    larger = list(dict.fromkeys(by for _, by in pairs))
    sound = map_ahead(lambda by: vouched(store, catalog.span_key(source, by), signers), larger, READERS)
    believed = {by for by, good in zip(larger, sound, strict=True) if good}
    return {span for span, by in pairs if by in believed}
