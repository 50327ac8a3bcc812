"""From pieces to a bare repository: unpacked and checked beside the target, and then put in its place.

It must not know where pieces come from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drkit.disk.publish import check_place, flush, publish, unfinished
from drkit.engines.git.bundle import strip_header
from drkit.engines.git.capture import BUNDLE, FACTS, REFS
from drkit.engines.git.facts import Facts, parse_facts
from drkit.engines.git.inspection import inspect
from drkit.engines.git.program import Git, find_version, make_repository
from drkit.engines.git.refs import HEAD, Refs, encode, parse_refs, read_refs
from drkit.errors import DrkitError, IntegrityError, NotRestorable
from drkit.model import Manifest, Piece, Restored
from drkit.ports import Clock, Load
from drkit.streams.process import Failure, family

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Contents:
    """The pieces of one point: bundles in the order in which they rest on each other."""

    bundles: tuple[Piece, ...]
    refs: Piece
    facts: Piece


def find_contents(manifest: Manifest) -> Contents:
    pieces = {piece.name: piece for piece in manifest.pieces}
    if not {REFS, FACTS} <= pieces.keys():
        raise IntegrityError(f"The backup {manifest.id} does not have the pieces of a backup of a git repository.")
    bundles = sorted(name for name in pieces if name.startswith(BUNDLE))
    return Contents(tuple(pieces[name] for name in bundles), pieces[REFS], pieces[FACTS])


def read_refs_of(manifest: Manifest, load: Load) -> Refs:
    return parse_refs(b"".join(load(find_contents(manifest).refs)))


def read_facts_of(manifest: Manifest, load: Load) -> Facts:
    return parse_facts(b"".join(load(find_contents(manifest).facts)))


def restore(manifest: Manifest, load: Load, place: Path, swap: bool, clock: Clock) -> Restored:
    check_place(place, swap)
    find_version(NotRestorable)
    contents = find_contents(manifest)
    refs, facts = read_refs_of(manifest, load), read_facts_of(manifest, load)
    try:
        with unfinished(place) as (partial, fd), family() as children:
            git = make_repository(partial, children, facts.object_format, _unwritable)
            for piece in contents.bundles:
                pack = strip_header(load(piece))
                git.feed("index-pack", "--stdin", "--fix-thin", chunks=pack, failure=_refused(piece))
            set_refs(git, refs)
            complaints = list(_insist(git, refs, manifest.id))
            flush(fd)
            kept = publish(partial, place, swap, clock())
    except OSError as error:
        raise NotRestorable(
            f"{place} cannot be written: {error.strerror}.",
            hint="Check the room on its disk and who may write in the folder above it.",
        ) from error
    return Restored(
        str(place), None if kept is None else str(kept), (*(sentence for _, sentence in facts.left_out()), *complaints)
    )


def set_refs(git: Git, refs: Refs) -> None:
    """In the one file that git has for them: a file for each, as it would make, takes seconds for ten thousand. That
    their objects are there is looked at afterwards."""
    for name, target in sorted(refs.symbolic.items(), key=lambda each: each[0] != HEAD):
        git.demand("symbolic-ref", name, target, failure=_unwritable)
    if HEAD in refs.objects:
        git.demand("update-ref", "--no-deref", HEAD, refs.objects[HEAD], failure=_unwritable)
    named = sorted((encode(name), oid.encode()) for name, oid in refs.objects.items() if name != HEAD)
    lines = [b"# pack-refs with: sorted \n", *(oid + b" " + name + b"\n" for name, oid in named)]
    (git.folder / "packed-refs").write_bytes(b"".join(lines))
    git.demand("pack-refs", "--all", failure=_unwritable)  # which adds what annotated tags lead to


def _insist(git: Git, refs: Refs, backup_id: str) -> Iterator[str]:
    """Before anything is published: all is there that the refs reach, and they are what was captured."""
    inspection = inspect(git)
    if inspection.damages:
        told = "; ".join(inspection.damages[:_SHOWN])
        raise IntegrityError(f"What was restored of {backup_id} is not whole: {told}", "restore another point")
    found = read_refs(git)
    if differing := list(refs.differences(found)):
        raise IntegrityError(f"The refs restored of {backup_id} are not those captured: {differing[0]}")
    if inspection.oddities:
        yield f"git fsck finds odd objects, as they were captured: {inspection.describe_oddities()}"


def _unwritable(_: int, words: str) -> DrkitError:
    return NotRestorable(f"git cannot make the repository: {words}", "check the room and the rights at the target")


def _refused(piece: Piece) -> Failure:
    def failure(status: int, words: str) -> DrkitError:
        if "No space left" in words or "file write error" in words:
            return _unwritable(status, words)
        return IntegrityError(
            f"{piece.key}: git refuses its pack: {words or f'status {status}'}", "restore another point"
        )

    return failure
