"""Folders below a root, opened step by step and never through a link, whatever happens to the tree meanwhile.

Paths may be longer and trees deeper than the system takes in one call, and few are open at a time.
"""

import os
from collections import OrderedDict
from pathlib import Path

from drkit.disk.names import ROOT, split, to_bytes

_OPENING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def open_folder(path: Path) -> int:
    """Not through a link in the last place: what stands there may be somebody else's by now."""
    return os.open(path, _OPENING)


class Folders:
    """`root` is an open folder, closed along with the others. A descriptor that `open` gives stays this object's,
    and is good until `keep` other folders were opened."""

    def __init__(self, root: int, keep: int = 64) -> None:
        self.root = root
        self._keep = keep
        self._open: OrderedDict[str, int] = OrderedDict()

    def open(self, path: str) -> int:
        """Raises OSError as the first step that cannot be opened does."""
        missing: list[str] = []
        at = "" if path == ROOT else path
        while at and at not in self._open:
            missing.append(at)
            at = split(at)[0]
        if not at:
            found = self.root
        else:
            found = self._open[at]
            self._open.move_to_end(at)
        while missing:
            at = missing.pop()
            found = os.open(to_bytes(split(at)[1]), _OPENING, dir_fd=found)
            self._open[at] = found
            if len(self._open) > self._keep:
                os.close(self._open.popitem(last=False)[1])
        return found

    def parent(self, path: str) -> tuple[int, bytes]:
        """The open folder that holds this path, and the name it has there."""
        folder, name = split(path)
        return self.open(folder), to_bytes(name)

    def close(self) -> None:
        for one in (*self._open.values(), self.root):
            os.close(one)
        self._open.clear()
