"""A look at a source before anything is at stake: can it be read, is there something, does each pattern match?

Looks at a bounded number of names and reads no contents.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from drkit.disk.folders import Folders
from drkit.engines.files.patterns import Selection
from drkit.engines.files.remarks import Remarks
from drkit.engines.files.walk import Spot, cannot_read, walk
from drkit.errors import CaptureError
from drkit.model import Finding

_MOST = 100_000


def survey(root: Path, folders: Folders, selection: Selection, most: int = _MOST) -> Iterator[Finding]:
    files, size, seen = 0, 0, 0
    unmatched = list(selection.include)
    try:
        for spot in islice(walk(folders, selection, Remarks()), most):
            seen += 1
            unmatched = [one for one in unmatched if not one.takes(spot.path)]
            if spot.type == "file":
                files += 1
                size += _try(spot)
    except CaptureError as error:
        yield Finding("readable", passed=False, detail=str(error), hint=error.hint)
        return
    least = "at least " if seen == most else ""
    yield Finding("readable", passed=True, detail=f"{root} can be read: {least}{files} files, {size} bytes")
    for one in unmatched:
        yield Finding(
            "patterns",
            passed=False,
            detail=f"include {one.text!r} matches nothing" + (f" among the first {most} names" if least else ""),
            hint="Patterns are relative to the source's folder; `**/*.txt` matches in every folder below it.",
        )


def _try(spot: Spot) -> int:
    """Opens the file as a capture would; gives its size."""
    try:
        fd = os.open(spot.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=spot.folder)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise cannot_read(spot.path, error) from error
    try:
        return os.fstat(fd).st_size
    finally:
        os.close(fd)
