"""`tell`: what has changed of a system is told to its people, once.

It must not know how a message travels.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drkit.errors import StoreError
from drkit.notify.changes import Changes, Seen, Told, Wrong, find_changes
from drkit.notify.courier import Delivery
from drkit.notify.ledger import PATIENCE, Ledger, State
from drkit.notify.message import Message, compose
from drkit.ports import Clock
from drkit.troubles import Trouble

_PAUSE = timedelta(seconds=2)
_WAITS = 2 * PATIENCE // _PAUSE
Send = Callable[[Message], Sequence[Delivery]]


def _pause() -> None:
    time.sleep(_PAUSE.total_seconds())


@dataclass(frozen=True, slots=True)
class Notice:
    """What there was to tell, if anything, and how that went. `taken` if somebody else is still telling; `kept` if
    it is known from now on that it was told, and otherwise `problem` says why not."""

    system: str
    changes: Changes
    message: Message | None = None
    deliveries: tuple[Delivery, ...] = ()
    taken: bool = False
    kept: bool = False
    problem: str = ""

    @property
    def failed(self) -> bool:
        return self.taken or (bool(self.deliveries) and not any(each.told for each in self.deliveries))


def tell(
    ledger: Ledger, state: State, seen: Seen, send: Send, clock: Clock, wait: Callable[[], None] = _pause
) -> Notice:
    """Where somebody else is telling, waits until he has told, or is not heard of any more: it is told at the end."""
    notice = _try_to_tell(ledger, state, seen, send, clock())
    for _ in range(_WAITS):
        if not notice.taken:
            break
        wait()
        now = clock()
        notice = _try_to_tell(ledger, ledger.read(now), seen, send, now)
    return notice


def _try_to_tell(ledger: Ledger, state: State, seen: Seen, send: Send, now: datetime) -> Notice:
    """Whoever of several URLs was told is not told again because others failed; if all did, the next run tries again.
    `state` was read from the ledger, however long ago: whoever told something since has taken its number."""
    changes = find_changes(state.told, seen, now)
    if not changes:
        return Notice(seen.system, changes)
    message = compose(changes, now)
    try:
        ours = not state.busy and ledger.announce(state.next_number, now)
    except StoreError as error:
        return _tell_unwritten(state, seen, send, now, error)
    if not ours:
        return Notice(seen.system, changes, message, taken=True)
    deliveries = tuple(send(message))
    notice = Notice(seen.system, changes, message, deliveries)
    if notice.failed:
        ledger.withdraw(state.next_number)
        return notice
    try:
        ledger.write_down(state.next_number, changes.told, now)
    except StoreError as error:
        return replace(notice, problem=str(error))
    return replace(notice, kept=True)


def _tell_unwritten(state: State, seen: Seen, send: Send, now: datetime, error: StoreError) -> Notice:
    """A store that is full or refuses us is one to be told of, even if every run does."""
    what = f"nothing can be written to the store, so this is told again by every run: {error}"
    unwritten = Trouble("unwritten", what, None, error.hint or f"`drkit check {seen.system}` shows more")
    more = replace(seen, wrong=(*seen.wrong, Wrong(seen.system, unwritten)))
    changes = find_changes(state.told, more, now)
    message = compose(changes, now)
    return Notice(seen.system, changes, message, tuple(send(message)), problem=str(error))


def preview(state: State, seen: Seen, now: datetime) -> Notice:
    """What would be told."""
    changes = find_changes(state.told, seen, now)
    return Notice(seen.system, changes, compose(changes, now) if changes else None)


def tell_without_ledger(seen: Seen, send: Send, now: datetime) -> Notice:
    """All of it: it is for the caller to remember."""
    changes = find_changes(Told(), seen, now)
    if not changes:
        return Notice(seen.system, changes)
    message = compose(changes, now)
    return Notice(seen.system, changes, message, tuple(send(message)))
