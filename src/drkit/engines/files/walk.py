"""The names below a folder in a fixed order: each folder before what it holds, its own entries sorted, files first.

Links are never followed, mount points are crossed. Reads folders, never files.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from drkit.disk.folders import Folders
from drkit.disk.names import ROOT, printable, to_text
from drkit.disk.publish import PARTIAL
from drkit.engines.files.patterns import Selection
from drkit.engines.files.remarks import Remarks
from drkit.errors import CaptureError


class Spot(NamedTuple):
    """Something to capture. `folder` is the open folder that holds it, good until the next spot is asked for."""

    path: str
    type: Literal["file", "folder", "symlink"]
    folder: int
    name: bytes
    status: os.stat_result | None = None


@dataclass(slots=True)
class _Level:
    """A folder on the way; with `include` it is told of only when something in it is taken."""

    path: str
    above: "_Level | None"
    status: os.stat_result | None = None
    told: bool = False


def walk(folders: Folders, selection: Selection, remarks: Remarks) -> Iterator[Spot]:
    """Raises CaptureError for a folder that cannot be read; what vanishes meanwhile is remarked."""
    waiting = [_Level(ROOT, None)]
    while waiting:
        level = waiting.pop()
        try:
            folder = folders.open(level.path)
            level.status = os.fstat(folder)
            entries = _entries(folder)
        except (FileNotFoundError, NotADirectoryError):
            remarks.add("vanished", level.path)
            continue
        except OSError as error:
            raise cannot_read(level.path, error) from error
        if level.above is None or selection.takes(level.path):
            yield from _tell(level)
        below: list[_Level] = []
        for name, kind in entries:
            path = name if level.above is None else f"{level.path}/{name}"
            if kind == "folder" and name.endswith(PARTIAL):
                remarks.add("partial", path)
            elif kind == "folder":
                if selection.enters(path):
                    below.append(_Level(path, level))
            elif selection.takes(path):
                if kind is None:
                    remarks.add("special", path)
                    continue
                yield from _tell(level)
                yield Spot(path, kind, folder, name.encode("utf-8", "surrogateescape"))
        waiting.extend(reversed(below))


def cannot_read(path: str, error: OSError) -> CaptureError:
    return CaptureError(
        f"{printable(path)!r} cannot be read: {error.strerror}.",
        hint="Run drkit as a user who may read it, or leave it out on purpose with `exclude`.",
    )


def _tell(level: _Level) -> Iterator[Spot]:
    untold: list[_Level] = []
    at: _Level | None = level
    while at is not None and not at.told:
        untold.append(at)
        at = at.above
    for one in reversed(untold):
        one.told = True
        yield Spot(one.path, "folder", -1, b"", one.status)


def _entries(folder: int) -> list[tuple[str, Literal["file", "folder", "symlink"] | None]]:
    with os.scandir(folder) as found:
        return sorted(((to_text(entry.name), _kind(entry)) for entry in found), key=lambda entry: entry[0])


def _kind(entry: "os.DirEntry[str]") -> Literal["file", "folder", "symlink"] | None:
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else None
