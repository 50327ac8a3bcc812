"""Taking objects out of a store that keeps versions, and counting what that frees: a delete alone only hides.

It must not know why they go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from drkit.model import Version
from drkit.ports import Store, Versioned
from drkit.prune.holdings import Holdings


@dataclass(frozen=True, slots=True)
class Removed:
    """`hidden` bytes are out of sight and still paid for, as the role may not remove versions. `retained` are keys
    that are locked, and until when."""

    freed: int = 0
    hidden: int = 0
    retained: tuple[tuple[str, datetime], ...] = ()

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(self.freed + other.freed, self.hidden + other.hidden, self.retained + other.retained)


@dataclass(frozen=True, slots=True)
class Remover:
    store: Store
    versioned: Versioned
    holdings: Holdings

    def remove(self, keys: Iterable[str]) -> Removed:
        """Every version of the keys. A lock is no error; nor is a right that is missing: then they are hidden."""
        removed, denied = self._remove(list(self.holdings.of(keys)))
        self.store.delete(sorted({each.key for each in denied}))
        return removed + Removed(hidden=sum(each.size for each in denied))

    def remove_leftovers(self) -> Removed:
        """They are hidden already."""
        return self._remove(self.holdings.leftovers)[0]

    def _remove(self, going: Sequence[Version]) -> tuple[Removed, list[Version]]:
        """With those that the role may not remove, though they are not locked."""
        kept = list(self.versioned.delete_versions(going))
        retained = {each.key: until for each, until in kept if until and until > self.holdings.at}
        left = {(each.key, each.id) for each, _ in kept}
        freed = sum(each.size for each in going if (each.key, each.id) not in left)
        return Removed(freed, 0, tuple(retained.items())), [each for each, _ in kept if each.key not in retained]
