"""What `git fsck` says of a repository: what is missing or damaged, and what is only odd.

Old histories hold objects that git would not write today, such as file modes with a zero in front. A restore gives
back what was captured, so these are told and refuse nothing.
"""

import re
from collections import Counter
from dataclasses import dataclass

from drkit.engines.git.program import Git

_ODD = re.compile(r"(?:error|warning) in (?:blob|tree|commit|tag|unknown) [0-9a-f]+: ([A-Za-z0-9]+): .*")
_SILENT = ("notice: ", "dangling ", "Checking ", "warning in ")
_ODDITIES = 1 | 4  # the bits of its status that odd objects set, loose ones and those in packs


@dataclass(frozen=True, slots=True)
class Inspection:
    """`oddities` are git's own names of them, and how many of each there are."""

    damages: tuple[str, ...]
    oddities: dict[str, int]

    def describe_oddities(self) -> str:
        return ", ".join(f"{name} ({count})" for name, count in sorted(self.oddities.items()))


def inspect(git: Git) -> Inspection:
    said = git.ask("fsck", "--full", "--strict", "--no-dangling", "--no-progress")
    lines = [line for line in f"{said.out.decode(errors='replace')}\n{said.err}".splitlines() if line.strip()]
    odd = Counter(match[1] for line in lines if (match := _ODD.fullmatch(line)))
    damages = [line for line in lines if not _ODD.fullmatch(line) and not line.startswith(_SILENT)]
    if not damages and (said.status & ~_ODDITIES or (said.status and not odd)):
        damages = [f"git fsck ended with status {said.status}"]
    return Inspection(tuple(damages), dict(odd))
