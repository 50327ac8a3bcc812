"""Bundles: what is reached from some objects and not from others, with git's own header before the pack.

The header is written here and the pack by `git pack-objects`, which takes objects by name: `git bundle create` takes
refs as they are when it looks, and makes none where nothing is new.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from drkit.engines.git.program import Git
from drkit.engines.git.refs import Refs, encode
from drkit.errors import CaptureError, IntegrityError
from drkit.ports import Chunks

_LONGEST = 256 << 20  # of a header: a million refs take a third of it


@dataclass(frozen=True, slots=True)
class Range:
    """Objects that are reached from `tips`, and not from `known`, which are `commits` for whoever reads a bundle."""

    tips: Sequence[str]
    known: Sequence[str] = ()
    commits: Sequence[str] = ()

    def format(self) -> bytes:
        return encode("".join([*(f"{oid}\n" for oid in self.tips), *(f"^{oid}\n" for oid in self.known)]))


def find_range(git: Git, refs: Refs, earlier: Sequence[str]) -> Range:
    """What was reached earlier is known if it is still there: history that was given up may have been removed."""
    tips = refs.tips
    if not earlier or not tips:
        return Range(tips)
    known = [oid for oid, kind in _look_up(git, earlier) if kind]
    commits = [oid for oid, kind in _look_up(git, [f"{oid}^{{commit}}" for oid in known]) if kind]
    return Range(tips, known, list(dict.fromkeys(commits)))


def list_objects(git: Git, wanted: Range, listing: IO[bytes]) -> int:
    """Writes their names, a line each, and tells how many there are."""
    count = 0
    with tempfile.TemporaryFile() as revisions:
        revisions.write(wanted.format())
        revisions.seek(0)
        words = ("rev-list", "--objects", "--no-object-names", "--stdin")
        for chunk in git.read(*words, given=revisions, failure=_unreadable):
            count += chunk.count(b"\n")
            listing.write(chunk)
    listing.seek(0)
    return count


def bundle(git: Git, wanted: Range, refs: Refs) -> Chunks:
    """Packed objects are copied as they lie, so another git unpacks them again on the way: it finds damaged ones."""
    yield _header(wanted, refs)
    with tempfile.TemporaryFile() as revisions:
        revisions.write(wanted.format())
        revisions.seek(0)
        words = ("pack-objects", "--stdout", "--revs", "--thin", "--delta-base-offset", "--quiet")
        pack = git.read(*words, given=revisions, failure=_unreadable)
        yield from git.watch("unpack-objects", "-n", "-q", chunks=pack, failure=_damaged)


def strip_header(chunks: Chunks) -> Chunks:
    """The pack alone."""
    head = b""
    for chunk in chunks:
        head += chunk
        end = head.find(b"\n\n")
        if end >= 0:
            yield head[end + 2 :]
            break
        if len(head) > _LONGEST:
            break
    else:
        end = -1
    if end < 0 or not head.startswith(b"# v"):
        raise IntegrityError("A piece that should be a git bundle is none.")
    yield from chunks


def _header(wanted: Range, refs: Refs) -> bytes:
    sha256 = any(len(oid) == 64 for oid in wanted.tips)
    lines = ["# v3 git bundle", "@object-format=sha256"] if sha256 else ["# v2 git bundle"]
    lines += [f"-{oid} " for oid in wanted.commits]
    lines += [f"{oid} {name}" for name, oid in sorted(_resolved(refs))]
    return encode("\n".join([*lines, "", ""]))


def _resolved(refs: Refs) -> Iterator[tuple[str, str]]:
    yield from refs.objects.items()
    for name, target in refs.symbolic.items():
        if oid := refs.objects.get(target):
            yield name, oid


def _look_up(git: Git, names: Iterable[str]) -> list[tuple[str, str]]:
    """The object of each name and its kind, which is empty where there is none."""
    asked = encode("".join(f"{name}\n" for name in names))
    answer = git.demand("cat-file", "--batch-check=%(objectname) %(objecttype)", given=asked, failure=_unreadable)
    words = [line.split(" ") for line in answer.decode(errors="replace").split("\n")[:-1]]
    return [(each[0], each[1] if each[1] != "missing" else "") for each in words]


def _unreadable(status: int, words: str) -> CaptureError:
    return CaptureError(
        f"git cannot read all objects of the repository: {words or f'it ended with status {status}'}",
        "`git fsck --full` in it names what is missing or damaged: fetch that from another clone",
    )


def _damaged(status: int, words: str) -> CaptureError:
    return CaptureError(
        f"an object in a pack of the repository is damaged: {words or f'git ended with status {status}'}",
        "`git fsck --full` in it names what is damaged: fetch that from another clone",
    )
