"""`tell`: what has changed of a system is told to its people, once.

It must not know how a message travels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from drkit.notify.changes import Changes, Seen, Told, find_changes
from drkit.notify.courier import Delivery
from drkit.notify.ledger import Ledger, State
from drkit.notify.message import Message, compose

Send = Callable[[Message], Sequence[Delivery]]


@dataclass(frozen=True, slots=True)
class Notice:
    """What there was to tell, if anything, and how that went. `taken` if somebody else is telling; `kept` if it is
    known from now on that it was told."""

    system: str
    changes: Changes
    message: Message | None = None
    deliveries: tuple[Delivery, ...] = ()
    taken: bool = False
    kept: bool = False

    @property
    def failed(self) -> bool:
        return bool(self.deliveries) and not any(each.told for each in self.deliveries)


def tell(ledger: Ledger, state: State, seen: Seen, send: Send, now: datetime) -> Notice:
    """Whoever of several URLs was told is not told again because others failed; if all did, the next run tries again.
    `state` was read from the ledger, however long ago: whoever told something since has taken its number."""
    changes = find_changes(state.told, seen, now)
    if not changes:
        return Notice(seen.system, changes)
    message = compose(changes, now)
    if state.busy or not ledger.announce(state.next_number, now):
        return Notice(seen.system, changes, message, taken=True)
    deliveries = tuple(send(message))
    if any(each.told for each in deliveries):
        ledger.write_down(state.next_number, changes.told, now)
        return Notice(seen.system, changes, message, deliveries, kept=True)
    ledger.withdraw(state.next_number)
    return Notice(seen.system, changes, message, deliveries)


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
