"""The server programs of Redis and Valkey: which are here, of which version, and which one reads what was captured."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from drkit.engines.redis.rdb import Head
from drkit.errors import ConfigError

_NAMES = ("redis-server", "valkey-server")
_VERSION = re.compile(rb"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)")
# From which version on each reads which version of the format.
_READS = {
    "Redis": (((8, 4), 13), ((7, 4), 12), ((7, 2), 11), ((7, 0), 10), ((5, 0), 9)),
    "Valkey": (((9, 0), 80), ((7, 2), 11)),
}
_FOREIGN = range(12, 80)  # of Redis after the two parted ways: Valkey refuses it


@dataclass(frozen=True, slots=True)
class Program:
    path: Path
    product: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"

    def reads(self, head: Head) -> bool:
        """A newer one than is known here reads whatever its own kind writes."""
        if head.valkey == (self.product == "Valkey") and head.server.split(" ")[1].split(".")[:2] == [
            str(each) for each in self.version[:2]
        ]:
            return True
        if self.product == "Valkey" and head.version in _FOREIGN:
            return False
        return head.version <= next((reads for since, reads in _READS[self.product] if self.version[:2] >= since), 0)


def find_programs(folder: Path | None) -> list[Program]:
    """Those of the configured folder, or else those on PATH."""
    on_path = filter(None, map(shutil.which, _NAMES))
    paths = [folder / name for name in _NAMES] if folder else list(map(Path, on_path))
    return [found for path in paths if os.access(path, os.X_OK) and (found := _look(path))]


def choose_program(head: Head, folder: Path | None) -> Program:
    """Of the kind that was captured, if it is here; and the oldest that will do, as it is the most like it."""
    found = find_programs(folder)
    fitting = [each for each in found if each.reads(head)]
    if not fitting:
        have = ", ".join(map(str, found)) or "none"
        raise ConfigError(
            f"a drill of what {head.server} gave needs its server program, and it is not here (found: {have})",
            'install it, name its folder (programs = "/path/to/bin"), or lend an empty server: scratch = "env:NAME"',
        )
    return min(fitting, key=lambda each: ((each.product == "Valkey") != head.valkey, each.version))


def _look(path: Path) -> Program | None:
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, stdin=subprocess.DEVNULL, env={"PATH": os.defpath}, check=False
        )
    except OSError:  # built for another machine
        return None
    found = _VERSION.search(done.stdout)
    if not found:
        return None
    # not what a link leads to: one program with many names looks at the one it was called by
    return Program(path.absolute(), found[1].decode(), (int(found[2]), int(found[3]), int(found[4])))
