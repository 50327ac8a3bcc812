"""What an operator should know about a capture that went well: counts, and the first few names of each kind."""

from collections.abc import Iterator

from drkit.disk.names import printable

_SHOWN = 5
_SAYINGS = {
    "changed": ("file", "files", "changed while the backup was taken"),
    "folder": ("folder", "folders", "had names added or removed while the backup was taken"),
    "vanished": ("name", "names", "vanished before being read"),
    "special": ("socket, pipe or device", "sockets, pipes or devices", "left out"),
    "partial": ("unfinished restore", "unfinished restores", "left out"),
}


class Remarks:
    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, list[str]]] = {}

    def add(self, kind: str, path: str) -> None:
        count, names = self._seen.get(kind, (0, []))
        self._seen[kind] = (count + 1, names if count >= _SHOWN else [*names, printable(path)])

    def sentences(self) -> Iterator[str]:
        for kind, (one, many, what) in _SAYINGS.items():
            if kind in self._seen:
                count, names = self._seen[kind]
                shown = ", ".join(names) + (" …" if count > _SHOWN else "")
                yield f"{count} {one if count == 1 else many} {what}: {shown}"
