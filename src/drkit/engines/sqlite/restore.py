"""From a piece to a checked file at the target.

The bytes are written beside the target, measured and synced there; only then do they get the name. They are the very
bytes that were examined when they were captured: `load` vouches for each.
It must not know where the bytes come from.
"""

import os
from datetime import timedelta
from pathlib import Path

from drkit.engines.sqlite.locks import Patience
from drkit.engines.sqlite.partial import fill, partial_beside, require_room, writing
from drkit.engines.sqlite.publish import alone, exchange, publish, standing, sync_folder
from drkit.errors import UsageError
from drkit.model import Piece, Restored
from drkit.ports import Clock, Load


def check_target(target: Path, swap: bool) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a folder", hint="Name the file to be made in it.")
    if not target.parent.is_dir():
        raise UsageError(f"The folder {target.parent} does not exist", hint=f"Make it with `mkdir -p {target.parent}`.")
    taken = standing(target)
    if taken and not swap:
        raise UsageError(f"{taken[0]} exists", hint="Choose a new path, or use --swap, which keeps the old one aside.")
    if target.exists() and not target.is_file():
        raise UsageError(f"{target} is not a regular file", hint="Choose another path.")


def restore(
    piece: Piece,
    load: Load,
    target: Path,
    swap: bool,
    lock_timeout: timedelta,
    clock: Clock,
) -> Restored:
    check_target(target, swap)
    place = target.resolve() if swap else target.absolute()
    kept: Path | None = None
    require_room(place, piece.plain_bytes)
    if swap:
        with alone(place, Patience(lock_timeout, clock)):
            pass  # a target in use is told of now, not after the bytes have come
    with partial_beside(place) as partial:
        fill(partial, load(piece), piece, place)
        with writing(place):
            os.fsync(partial.descriptor)
        if standing(place) and swap:
            kept = exchange(partial, place, Patience(lock_timeout, clock), clock())
        else:
            publish(partial, place)
    with writing(place):
        sync_folder(place.parent)
    if kept is None:
        return Restored(str(target))
    note = f"a program that kept {target} open still has the old one: restart it"
    return Restored(str(target), kept_old=str(kept), notes=(note,))
