"""Removes a tree that drkit made: never through a link, however deep it is, whatever modes it got.

Must not be given anything that is not drkit's own.
"""

import os
import stat
from pathlib import Path

from drkit.engines.files.folders import Folders
from drkit.engines.files.member import ROOT
from drkit.engines.files.names import split, to_bytes, to_text


def remove_tree(root: Path) -> None:
    """Nothing there is fine."""
    try:
        mode = root.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        root.unlink()
        return
    root.chmod(0o700)
    folders = Folders(root)
    try:
        for path in reversed(_empty(folders)):
            folder, name = split(path)
            os.rmdir(to_bytes(name), dir_fd=folders.open(folder))
    finally:
        folders.close()
    root.rmdir()


def _empty(folders: Folders) -> list[str]:
    """Removes all but the folders; gives these, outer ones first."""
    found: list[str] = []
    waiting = [ROOT]
    while waiting:
        path = waiting.pop()
        folder = folders.open(path)
        with os.scandir(folder) as entries:
            names = [(to_text(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in names:
            if is_folder:
                os.chmod(to_bytes(name), 0o700, dir_fd=folder)
                waiting.append(name if path == ROOT else f"{path}/{name}")
            else:
                os.unlink(to_bytes(name), dir_fd=folder)
        if path != ROOT:
            found.append(path)
    return found
