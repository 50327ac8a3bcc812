"""Files that change while they are read."""

from pathlib import Path

from engines.source import OnDisk
from ledger import SLOTS, Ledger, Wrong


class Papers(OnDisk):
    """A folder whose files are replaced one after the other, and a journal that grows."""

    name, spread = "papers", True

    def __init__(self, ledger: Ledger, folder: Path, restored: Path) -> None:
        super().__init__(restored)
        self.application, self.ledger = self, ledger
        self._folder, self._beside = folder / "papers", folder / "paper.new"
        self.lines = 'kind = "files"\npath = "../papers"'
        (self._folder / "inner").mkdir(parents=True)

    def commit(self) -> None:
        number, text = self.ledger.begin()
        self._beside.write_text(f"{number}\n{text * 20}")
        self._beside.rename(self._folder / "inner" / f"{number % SLOTS}")
        with (self._folder / "journal").open("ab", buffering=0) as journal:
            journal.write(f"{number} {text}\n".encode())
        self.ledger.end()

    def judge(self, target: str, since: float, until: float) -> int:
        """Each file is of some moment of the capture, whole; and the journal is a beginning of what it became."""
        least, most = self.ledger.least(since), self.ledger.most(until)
        lines = (Path(target) / "journal").read_text().splitlines() if least else []
        if lines != [f"{n} {self.ledger.text(n)}" for n in range(1, len(lines) + 1)]:
            raise Wrong("the journal is none")
        if not least <= len(lines) <= most:
            raise Wrong(f"the journal has {len(lines)} lines, and there were {least} to {most} of them then")
        for slot in range(SLOTS):
            oldest = least - (least - slot) % SLOTS  # what stood in this file when the capture began
            if oldest > 0:
                self._judge_file(Path(target) / "inner" / str(slot), slot, oldest, most)
        return len(lines)

    def _judge_file(self, path: Path, slot: int, oldest: int, newest: int) -> None:
        head, _, text = path.read_text().partition("\n")
        number = int(head)
        if not oldest <= number <= newest or number % SLOTS != slot or text != self.ledger.text(number) * 20:
            raise Wrong(f"{path} is of commit {number}, and should be of {oldest} or a later one up to {newest}, whole")
