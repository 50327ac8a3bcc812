"""What a soak has seen, in numbers; and what it has found wrong, in words."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Tally:
    """`losses` is what was promised and is not there, or is not what it was; `bugs` is all else that must not be."""

    tell: Callable[[str], None]
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)
    made: dict[str, dict[str, float]] = field(default_factory=dict)  # source: acknowledged points and when they ended
    _lock: Lock = field(default_factory=Lock)

    def count(self, which: Counter[str], name: str, number: int = 1) -> None:
        with self._lock:
            which[name] += number

    def lose(self, what: str) -> None:
        self.tell(f"LOST: {what}")
        with self._lock:
            self.losses.append(what)

    def find(self, what: str) -> None:
        self.tell(f"FOUND: {what}")
        with self._lock:
            self.bugs.append(what)

    @property
    def is_clean(self) -> bool:
        return not self.losses and not self.bugs

    def lines(self) -> list[str]:
        shown = {
            "kills": self.kills,
            "faults": self.faults,
            "runs that ended well": self.runs,
            "runs that failed cleanly": self.refused,
            "restored and compared": self.checked,
        }
        told = [f"{name}: {counts.total()} ({_spell(counts)})" for name, counts in shown.items()]
        told += [f"LOST: {each}" for each in self.losses] + [f"FOUND: {each}" for each in self.bugs]
        return [*told, f"losses: {len(self.losses)}, other findings: {len(self.bugs)}"]


def _spell(counts: "Counter[str]") -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"
