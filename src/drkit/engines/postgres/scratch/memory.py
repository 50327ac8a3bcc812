"""How much memory this process may use: the machine's, or less where a control group says so.

It must not know what the memory is for.
"""

import os
from pathlib import Path

_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")


def usable_memory(groups: Path = Path("/sys/fs/cgroup")) -> int:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for name in _LIMITS if (limit := _limit(groups / name)))])


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:  # another kind of control group, or none
        return None
    return int(text) if text.isdigit() else None
