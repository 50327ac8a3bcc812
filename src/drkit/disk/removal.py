"""Removes a tree that drkit made: never through a link, however deep it is, whatever modes it got.

Must not be given anything that is not drkit's own.
"""

import os
from pathlib import Path

from drkit.disk.folders import Folders, open_folder
from drkit.disk.names import ROOT, to_bytes, to_text


def remove_tree(root: Path) -> None:
    """Nothing there is fine."""
    if root.is_symlink() or not root.is_dir():
        root.unlink(missing_ok=True)
        return
    folders = Folders(open_root(root))
    try:
        for path in reversed(_empty(folders)):
            folder, name = folders.parent(path)
            os.rmdir(name, dir_fd=folder)
    finally:
        folders.close()
    root.rmdir()


def open_root(root: Path) -> int:
    """Never through a link; a mode that keeps even its owner out is mended first."""
    try:
        return open_folder(root)
    except PermissionError:  # which root never gets, so this touches nothing that is not this user's own
        root.chmod(0o700)
        return open_folder(root)


def _empty(folders: Folders) -> list[str]:
    """Removes all but the folders; gives these, outer ones first."""
    found: list[str] = []
    waiting = [ROOT]
    while waiting:
        path = waiting.pop()
        folder = _enter(folders, path)
        with os.scandir(folder) as entries:
            names = [(to_text(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in names:
            if is_folder:
                waiting.append(name if path == ROOT else f"{path}/{name}")
            else:
                os.unlink(to_bytes(name), dir_fd=folder)
        if path != ROOT:
            found.append(path)
    return found


def _enter(folders: Folders, path: str) -> int:
    try:
        found = folders.open(path)
    except PermissionError:
        above, name = folders.parent(path)
        os.chmod(name, 0o700, dir_fd=above)
        found = folders.open(path)
    os.fchmod(found, 0o700)
    return found
