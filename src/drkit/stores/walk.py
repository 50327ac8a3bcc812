"""Listing a folder in the order of its keys, reading no more than the prefix asks for."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from drkit.model import Entry
from drkit.stores.keys import RESERVED, is_key, is_part


def walk(root: Path, prefix: str) -> Iterator[Entry]:
    """Files below `root` whose relative path is a key with this prefix. What vanishes meanwhile is left out."""
    start = prefix.rpartition("/")[0]
    if start and not is_key(start):
        return
    waiting = _children(f"{root}/{start}" if start else str(root), f"{start}/" if start else "", prefix)
    while waiting:
        key, entry = waiting.pop()
        if key.endswith("/"):
            waiting.extend(_children(entry.path, key, prefix))
        else:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield Entry(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _children(folder: str, above: str, prefix: str) -> list[tuple[str, os.DirEntry[str]]]:
    """Last first, as a stack wants them. A folder sorts with the `/` that its keys have: `a-b` < `a/b` < `a0`."""
    children = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if not is_part(entry.name) or (entry.name == RESERVED and not above):
                continue
            key = above + entry.name
            if entry.is_dir(follow_symlinks=False):
                key += "/"
                if not (key.startswith(prefix) or prefix.startswith(key)):
                    continue
            elif not key.startswith(prefix) or not entry.is_file(follow_symlinks=False):
                continue
            children.append((key, entry))
    children.sort(key=lambda child: child[0], reverse=True)
    return children
