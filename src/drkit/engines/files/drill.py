"""What a drill asks of a restored tree: does it answer, and is it what the index says, no more and no less.

It must not know how the tree came to be there.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from drkit.disk.folders import Folders, open_folder
from drkit.disk.names import ROOT, printable, to_text
from drkit.engines.files.differences import difference
from drkit.engines.files.member import Member, parse_line
from drkit.model import Check
from drkit.ports import Chunks

_SHOWN = 5


def prove(root: Path, index: Chunks) -> Iterator[Check]:
    try:
        folders = Folders(open_folder(root))
    except OSError as error:
        yield Check("first query", "failed", "an answer", f"{root} cannot be opened: {error.strerror}")
        return
    with closing(folders):
        yield Check("first query", "passed", "an answer", f"{_count(folders.root)} entries at the top")
        comparison = _Comparison()
        for member in _members(index):
            comparison.look_at(folders, member)
        comparison.look_for_more(folders)
    yield from comparison.checks()


@dataclass(slots=True)
class _Comparison:
    listed: int = 0
    differences: list[str] = field(default_factory=list)
    closed: int = 0

    def look_at(self, folders: Folders, member: Member) -> None:
        self.listed += 1
        try:
            found = difference(folders, member)
        except PermissionError:
            self.closed += 1
            return
        if found:
            self.differences.append(f"{printable(member.path)}: {found}")

    def look_for_more(self, folders: Folders) -> None:
        """Counting is enough to know: each name that is listed was looked for, and none is listed twice."""
        if self.differences or self.closed:
            return
        if (found := _count_all(folders)) != self.listed:
            self.differences.append(f"{found - self.listed} entries are there that were not captured")

    def checks(self) -> Iterator[Check]:
        expected = f"{self.listed} entries as captured"
        if self.differences:
            more = len(self.differences) - _SHOWN
            told = "; ".join(self.differences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            yield Check("files", "failed", expected, told)
        else:
            yield Check("files", "passed", expected, f"{self.listed - self.closed} entries as captured")
        if self.closed:
            told = f"{self.closed} entries keep even their owner out; a drill as root can look into them"
            yield Check("files that nobody may read", "not testable", "as captured", told)


def _count(folder: int) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


def _count_all(folders: Folders) -> int:
    """With the root itself."""
    count, waiting = 1, [ROOT]
    while waiting:
        path = waiting.pop()
        with os.scandir(folders.open(path)) as entries:
            for entry in entries:
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    name = to_text(entry.name)
                    waiting.append(name if path == ROOT else f"{path}/{name}")
    return count


def _members(index: Chunks) -> Iterator[Member]:
    rest = b""
    for chunk in index:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield parse_line(line + b"\n")
