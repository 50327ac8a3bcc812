"""What an application has committed, and when: what was stored of it is judged by this alone.

It must not know any engine. The state after n commits is a function of the seed and n, so that a number tells all.
"""

from bisect import bisect_right
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import time

SLOTS = 50
_SLACK = (
    5.0  # a snapshot is taken a little before its moment is read from the clock, on a busy machine more than a little
)


class Wrong(Exception):
    """What was restored is not what was there."""


class Ledger:
    """Commit n was surely not there before `begun[n - 1]`, and surely from `ended[n - 1]` on."""

    def __init__(self, seed: int, name: str, file: Path) -> None:
        self.name = name
        self._seed, self._file = seed, file.open("a", buffering=1)
        self._texts: list[str] = []
        self._begun: list[float] = []
        self._ended: list[float] = []
        self._lock = Lock()

    @property
    def count(self) -> int:
        """Of what was acknowledged."""
        return len(self._ended)

    def begin(self) -> tuple[int, str]:
        """The number and the text of the next commit. One whose end nobody knows is begun once and asked for again."""
        with self._lock:
            if len(self._begun) == len(self._ended):
                self._begun.append(time())
                self._texts.append(self._text(len(self._begun)))
            return len(self._begun), self._texts[-1]

    def end(self) -> None:
        with self._lock:
            self._ended.append(time())
            self._file.write(f"{len(self._ended)} {self._begun[-1]:.6f} {self._ended[-1]:.6f}\n")

    def least(self, moment: float) -> int:
        """How many were acknowledged by then."""
        return bisect_right(self._ended, moment)

    def most(self, moment: float) -> int:
        return bisect_right(self._begun, moment)

    def text(self, number: int) -> str:
        return self._texts[number - 1]

    def judge(self, count: int, since: float, until: float) -> None:
        """Whether a snapshot with that many commits can have been taken between the two moments."""
        least, most = self.least(since - _SLACK), self.most(until)
        if not least <= count <= most:
            raise Wrong(f"it has {count} commits of {self.name}, and there were {least} to {most} of them then")

    def judge_rows(self, events: list[tuple[int, str]], slots: list[tuple[int, int]]) -> int:
        """How many commits these rows are: they must be those of whole commits, the first ones, and nothing else."""
        count = len(events)
        if count > len(self._texts) or events != [(n, self._texts[n - 1]) for n in range(1, count + 1)]:
            raise Wrong(f"its {count} rows are not those of the first {count} commits of {self.name}")
        wanted = [(n % SLOTS, n) for n in range(max(1, count - SLOTS + 1), count + 1)]
        if sorted(slots) != sorted(wanted):
            raise Wrong(f"half a commit of {self.name}: its rows are those of {count}, and its slots are not")
        return count

    def _text(self, number: int) -> str:
        digest = sha256(f"{self._seed}/{self.name}/{number}".encode()).hexdigest()
        return digest * (1 + int(digest[0], 16))
