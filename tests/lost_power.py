"""What a loss of power leaves of a folder: of each file what was synced, under names that its folder's sync had seen.

A child runs under strace, which tells the order of its writes, links and syncs; nothing else is believed to be on the
disk. That is stricter than file systems are: they keep more, but do not promise it.
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from servers.children import require

_CALLS = (
    "write,pwrite64,writev,pwritev,ftruncate,copy_file_range,sendfile,fsync,fdatasync,"
    "link,linkat,rename,renameat,renameat2,mkdir,mkdirat"
)
_LINE = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)\) += +(-?\d+)")
_BEGUN = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
_QUOTED = re.compile(r'"([^"]*)"')


def launcher(log: Path) -> tuple[str, ...]:
    """The words before a command."""
    return (
        require("strace", "strace"),
        "-f",
        "-qq",
        "-y",
        "-s",
        "0",
        "-e",
        f"trace={_CALLS}",
        "-e",
        "signal=none",
        "-o",
        str(log),
    )


@dataclass
class _File:
    synced: bool = False


@dataclass
class _Disk:
    root: Path
    files: dict[Path, _File] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    named: set[Path] = field(default_factory=set)

    def see(self, call: str, words: str) -> None:
        paths = [Path(each) for each in _QUOTED.findall(words)]
        held = _DESCRIPTOR.match(words)
        if call.startswith("mkdir"):
            self.folders.add(paths[0])
        elif call.startswith(("link", "rename")):
            self.files[paths[1]] = self.files.setdefault(paths[0], _File())
        elif held and call in ("fsync", "fdatasync"):
            self._sync(Path(held[1]))
        elif held:
            self.files.setdefault(Path(held[1]), _File()).synced = False

    def _sync(self, path: Path) -> None:
        if path.is_dir():
            self.named |= {each for each in (*self.files, *self.folders) if each.parent == path}
        else:
            self.files.setdefault(path, _File()).synced = True

    def has(self, path: Path) -> bool:
        names = [path, *(each for each in path.parents if each.is_relative_to(self.root) and each != self.root)]
        return path in self.files and self.files[path].synced and all(each in self.named for each in names)


def after_power_loss(log: Path, folder: Path, left: Path) -> Path:
    """A copy of `folder`, which was empty when the child began, with what is on the disk for sure."""
    disk, waiting = _Disk(folder), {}
    for line in log.read_text(errors="replace").splitlines():
        if begun := _BEGUN.match(line):
            waiting[begun[1]] = begun[3]
            continue
        if resumed := _RESUMED.match(line):
            line = f"{resumed[1]} {resumed[2]}({waiting.pop(resumed[1], '')}{resumed[3]}"
        done = _LINE.match(line)
        if done and int(done[3]) >= 0:
            disk.see(done[1], done[2])
    for path in folder.rglob("*"):
        if path.is_file() and disk.has(path):
            there = left / path.relative_to(folder)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
    return left
