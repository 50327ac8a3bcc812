"""How one restored entry differs from what its line in the index says: kind, mode, owner, content, holes, links.

It must not know the other entries, but for the one that a hard link is a second name of.
"""

import hashlib
import os
import stat
from errno import ENXIO

from drkit.disk.folders import Folders
from drkit.disk.names import printable, to_bytes
from drkit.engines.files.body import CHUNK, read_body
from drkit.engines.files.member import Member
from drkit.engines.files.unpack import SETUID_SETGID

_TYPES = {"file": stat.S_ISREG, "hardlink": stat.S_ISREG, "folder": stat.S_ISDIR, "symlink": stat.S_ISLNK}


def difference(folders: Folders, member: Member) -> str | None:
    """PermissionError for what this user cannot look at: a tree that only root could read was restored by another."""
    try:
        folder, name = folders.parent(member.path)
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not _TYPES[member.type](found.st_mode):
            return f"expected a {member.type}, found something else"
        return _outer_difference(member, found) or _inner_difference(folders, folder, name, member, found)
    except PermissionError:
        raise
    except OSError as error:
        return f"expected a {member.type}, found none: {error.strerror}"


def _outer_difference(member: Member, found: os.stat_result) -> str | None:
    """Only root gives files away, and only root restores what runs with its owner's rights."""
    root = os.geteuid() == 0
    if root and (found.st_uid, found.st_gid) != (member.uid, member.gid):
        return f"expected owner {member.uid}:{member.gid}, found {found.st_uid}:{found.st_gid}"
    mode, expected = stat.S_IMODE(found.st_mode), member.mode if root else member.mode & ~SETUID_SETGID
    if mode != expected and member.type != "symlink":
        return f"expected mode {expected:04o}, found {mode:04o}"
    return None


def _inner_difference(folders: Folders, folder: int, name: bytes, member: Member, found: os.stat_result) -> str | None:
    match member.type:
        case "symlink":
            return None if os.readlink(name, dir_fd=folder) == to_bytes(member.target) else "it leads elsewhere"
        case "hardlink":
            there, other = folders.parent(member.target)
            try:
                same = os.path.samestat(found, os.stat(other, dir_fd=there, follow_symlinks=False))
            except FileNotFoundError:
                same = False
            return None if same else f"it is not {printable(member.target)} any more"
        case "file":
            return _content_difference(folder, name, member, found)
        case "folder":
            return None


def _content_difference(folder: int, name: bytes, member: Member, found: os.stat_result) -> str | None:
    if found.st_size != member.size:
        return f"expected {member.size} bytes, found {found.st_size}"
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        digest = hashlib.sha256()
        for chunk in read_body(descriptor, member):
            digest.update(chunk)
        if digest.hexdigest() != member.sha256:
            return f"expected SHA-256 {member.sha256[:12]}…, found {digest.hexdigest()[:12]}…"
        return None if _holes_are_empty(descriptor, member) else "there are bytes where it had holes"
    finally:
        os.close(descriptor)


def _holes_are_empty(descriptor: int, member: Member) -> bool:
    at = 0
    for offset, length in [*(member.data if member.data is not None else ((0, member.size),)), (member.size, 0)]:
        if not _is_empty(descriptor, at, offset):
            return False
        at = offset + length
    return True


def _is_empty(descriptor: int, start: int, end: int) -> bool:
    """A disk may keep zeros where another one had a hole."""
    while start < end:
        try:
            start = os.lseek(descriptor, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno != ENXIO:  # which says that only a hole follows
                raise
            return True
        chunk = os.pread(descriptor, max(min(CHUNK, end - start), 0), start)
        if any(chunk):
            return False
        start += len(chunk)
    return True
