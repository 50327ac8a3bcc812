"""A file that is replaced as a whole: whoever reads it meanwhile, or after a crash, finds the old one or the new one.

It must not know what is in it.
"""

import os
from pathlib import Path

from drkit.disk.private import private_folder
from drkit.disk.removal import remove_tree


def replace_file(file: Path, body: bytes, mode: int = 0o644) -> None:
    """Raises OSError, and then nothing has changed. What a killed run left beside it, the next one removes."""
    with private_folder(file.parent, f".{file.name}.drkit-", remove_tree) as folder:
        fresh = folder / "fresh"
        with fresh.open("wb") as writing:
            os.fchmod(writing.fileno(), mode)
            writing.write(body)
            writing.flush()
            os.fsync(writing.fileno())
        fresh.replace(file)
