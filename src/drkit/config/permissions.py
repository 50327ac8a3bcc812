"""Who else on this machine can change what is configured, or read a private key: refused where that is everybody.

A group is its administrator's choice, and so is another owner: in containers numbers of users are odd. What is mounted
read-only cannot be changed, whatever its mode says, as with the volumes of Kubernetes; and what lies below a closed
folder is out of reach.
"""

import os
import stat
from pathlib import Path

from drkit.errors import ConfigError


def refuse_writable(path: Path) -> None:
    """Whoever writes a schedule has commands of his own run, and keys of his own believed. Raises OSError too."""
    writable = path.stat().st_mode & stat.S_IWOTH
    if writable and not _is_read_only(path) and _is_in_reach(path):
        named = path.resolve()
        raise ConfigError(
            f"{named} can be written by everybody on this machine", f"chmod o-w {named}, or mount it read-only"
        )


def refuse_replaceable(file: Path) -> None:
    """The file, and the folder in which somebody could put another in its place; but not a volume of its own, such as
    those that bring secrets into a pod: they are open to all, and nobody else is there."""
    refuse_writable(file)
    folder = file.parent
    if not folder.stat().st_mode & stat.S_ISVTX and not folder.is_mount():
        refuse_writable(folder)


def refuse_readable(file: Path) -> None:
    """Of a private key: ours, and open to everybody. Of one that somebody else owns nobody here can change that."""
    status = file.stat()
    if status.st_uid == os.geteuid() and is_readable(file):
        named = file.resolve()
        raise ConfigError(
            f"{named} is a private key, and everybody on this machine can read it",
            f"chmod 600 {named}; and if others may have read it, make new keys",
        )


def is_readable(file: Path) -> bool:
    """By everybody."""
    return bool(file.stat().st_mode & stat.S_IROTH) and not _is_read_only(file) and _is_in_reach(file)


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _is_in_reach(path: Path) -> bool:
    """Whether everybody can pass through the folders above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
