"""A process by a name that nothing else ever has, and whether it is known to be dead.

It must not know what the process did.
"""

import os
import socket
from pathlib import Path

_STARTED = 19  # of what follows the program's name in /proc/PID/stat: when it began, in ticks since the machine did

_DEAD = "ZX"  # what nobody has taken note of is still listed


def name_process(pid: int | None = None) -> str:
    """Its host, its number, and when it began."""
    number = os.getpid() if pid is None else pid
    return f"{socket.gethostname()}/{number}/{_began(number) or '?'}"


def is_dead(name: str) -> bool:
    """Of processes elsewhere nobody knows."""
    host, _, rest = name.partition("/")
    number, _, began = rest.partition("/")
    if host != socket.gethostname() or not number.isascii() or not number.isdigit() or not began.isdigit():
        return False
    return _began(int(number)) != began


def _began(pid: int) -> str | None:
    try:
        _, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return None
    fields = rest.split()
    return None if fields[0] in _DEAD else fields[_STARTED]
