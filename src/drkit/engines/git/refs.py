"""The refs of a repository at one moment: names, and the objects or the other refs that they point to.

It must not know what the objects are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from drkit.engines.git.program import Git, Said
from drkit.errors import CaptureError, IntegrityError
from drkit.ports import Clock

HEAD = "HEAD"
_ATTEMPTS = 5
_SHOWN = 5
_LINE = re.compile(r"(?:([0-9a-f]{40}|[0-9a-f]{64})|ref: (refs/[^\t]+))\t(HEAD|refs/[^\t]+)")
_DANGLING = "warning: ignoring dangling symref "


@dataclass(frozen=True, slots=True)
class Refs:
    """`objects` maps names to objects' names, HEAD among them where it is detached; `symbolic` maps names to others."""

    objects: Mapping[str, str]
    symbolic: Mapping[str, str]

    @property
    def count(self) -> int:
        return len(self.objects) + len(self.symbolic)

    @property
    def tips(self) -> list[str]:
        return list(dict.fromkeys(self.objects.values()))

    @property
    def head(self) -> str | None:
        """The object that HEAD leads to; None where its branch is yet to be born."""
        return self.objects.get(HEAD) or self.objects.get(self.symbolic.get(HEAD, ""))

    def format(self) -> bytes:
        lines = {name: f"{oid}\t{name}\n" for name, oid in self.objects.items()}
        lines |= {name: f"ref: {target}\t{name}\n" for name, target in self.symbolic.items()}
        return encode("".join(lines[name] for name in sorted(lines)))

    def differences(self, found: "Refs") -> Iterator[str]:
        for name in sorted({*self.objects, *self.symbolic, *found.objects, *found.symbolic}):
            expected, actual = (each.objects.get(name) or each.symbolic.get(name) for each in (self, found))
            if expected != actual:
                yield f"{shown(name)}: expected {expected or 'none'}, found {actual or 'none'}"


def parse_refs(content: bytes) -> Refs:
    objects: dict[str, str] = {}
    symbolic: dict[str, str] = {}
    for line in decode(content).split("\n")[:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise IntegrityError("The list of refs has a line that is none.")
        oid, target, name = match.groups()
        if oid:
            objects[name] = oid
        else:
            symbolic[name] = target
    return Refs(objects, symbolic)


def read_refs(git: Git) -> Refs:
    """Without those that point to a ref that is not there, as git has it. CaptureError for one that cannot be read: it
    would be lost."""
    listed = git.ask("for-each-ref", "--format=%(objectname)%09%(refname)%09%(symref)")
    _insist_on_all(listed)
    objects: dict[str, str] = {}
    symbolic: dict[str, str] = {}
    for line in decode(listed.out).split("\n")[:-1]:
        oid, name, target = line.split("\t")
        if target:
            symbolic[name] = target
        else:
            objects[name] = oid
    head = git.ask("symbolic-ref", "--quiet", HEAD)
    if head.status == 0:
        symbolic[HEAD] = decode(head.out).rstrip("\n")
    else:
        objects[HEAD] = decode(git.demand("rev-parse", "--verify", "--end-of-options", HEAD, failure=_no_head)).strip()
    return Refs(objects, symbolic)


@dataclass(frozen=True, slots=True)
class Steady:
    """Refs as they stood at `moment`, and what an operator should know of them."""

    refs: Refs
    moment: datetime
    notes: tuple[str, ...] = ()


def read_steady(git: Git, clock: Clock) -> Steady:
    """Refs are files, and somebody may push while they are read one after the other. So they are read until two
    readings agree: so they stood in between. Where they never do the last one is taken, and that is told."""
    before = read_refs(git)
    for _ in range(_ATTEMPTS):
        moment = clock()
        refs = read_refs(git)
        if refs == before:
            return Steady(refs, moment)
        before = refs
    note = f"refs changed all the time: of {_ATTEMPTS} readings no two in a row were alike, and the last one is kept"
    return Steady(before, clock(), (note,))


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def decode(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _insist_on_all(listed: Said) -> None:
    wrong = [line for line in listed.err.splitlines() if not line.startswith(_DANGLING)]
    if listed.status or wrong:
        told = "; ".join(wrong[:_SHOWN]) or f"git ended with status {listed.status}"
        raise CaptureError(f"the refs cannot be read whole: {told}", "mend the repository: `git fsck` tells more")


def _no_head(_: int, words: str) -> CaptureError:
    return CaptureError(f"HEAD cannot be read: {words}", "is it a git repository? `git fsck` tells more")
