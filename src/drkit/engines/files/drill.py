"""What a drill asks of a restored tree: does it answer, and is every entry of the index there as it was captured.

It must not know how the tree came to be there.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from drkit.disk.folders import Folders, open_folder
from drkit.disk.names import printable, to_bytes
from drkit.engines.files.body import read_body
from drkit.engines.files.member import Member, parse_line
from drkit.model import Check
from drkit.ports import Chunks

_SHOWN = 5
_TYPES = {"file": stat.S_ISREG, "hardlink": stat.S_ISREG, "folder": stat.S_ISDIR, "symlink": stat.S_ISLNK}


def prove(root: Path, index: Chunks) -> Iterator[Check]:
    try:
        folders = Folders(open_folder(root))
    except OSError as error:
        yield Check("first query", "failed", "an answer", f"{root} cannot be opened: {error.strerror}")
        return
    with closing(folders):
        yield Check("first query", "passed", "an answer", f"{_count(folders.root)} entries at the top")
        count, differences = 0, []
        for member in _members(index):
            count += 1
            if difference := _difference(folders, member):
                differences.append(f"{printable(member.path)}: {difference}")
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    yield Check(
        "files",
        "failed" if differences else "passed",
        f"{count} entries as captured",
        "; ".join(differences[:_SHOWN]) + more if differences else f"{count} entries as captured",
    )


def _count(folder: int) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


def _members(index: Chunks) -> Iterator[Member]:
    rest = b""
    for chunk in index:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield parse_line(line + b"\n")


def _difference(folders: Folders, member: Member) -> str | None:
    try:
        folder, name = folders.parent(member.path)
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not _TYPES[member.type](found.st_mode):
            return f"expected a {member.type}, found something else"
        if member.type == "symlink":
            target = os.readlink(name, dir_fd=folder)
            return None if target == to_bytes(member.target) else "it leads elsewhere"
        mode = stat.S_IMODE(found.st_mode)
        if mode != member.mode and os.geteuid() == 0:
            return f"expected mode {member.mode:04o}, found {mode:04o}"
        if member.type == "hardlink":
            there, other = folders.parent(member.target)
            same = os.path.samestat(found, os.stat(other, dir_fd=there, follow_symlinks=False))
            return None if same else f"it is not {printable(member.target)} any more"
        return _content_difference(folder, name, member, found) if member.type == "file" else None
    except OSError as error:
        return f"expected a {member.type}, found nothing: {error.strerror}"


def _content_difference(folder: int, name: bytes, member: Member, found: os.stat_result) -> str | None:
    if found.st_size != member.size:
        return f"expected {member.size} bytes, found {found.st_size}"
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        digest = hashlib.sha256()
        for chunk in read_body(descriptor, member):
            digest.update(chunk)
    finally:
        os.close(descriptor)
    if digest.hexdigest() == member.sha256:
        return None
    return f"expected SHA-256 {member.sha256[:12]}…, found {digest.hexdigest()[:12]}…"
