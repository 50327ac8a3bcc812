"""From a repository to pieces: a bundle of what is new, the refs as they stood, and what else is to be known.

A manifest lists the bundles of the captures before, too, so that each point has all that it needs.
It must not know how pieces are stored, nor what a restore makes of them.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from drkit.engines.git.bundle import Range, bundle, find_range, list_objects
from drkit.engines.git.facts import Facts, format_facts, parse_facts
from drkit.engines.git.options import GitOptions
from drkit.engines.git.origin import Origin
from drkit.engines.git.pointers import Pointers, find_pointers
from drkit.engines.git.program import Git, find_version
from drkit.engines.git.refs import Refs, Steady, parse_refs, read_steady
from drkit.engines.git.shadow import make_shadow
from drkit.engines.git.source import Repository, open_repository, workplace
from drkit.errors import CaptureError
from drkit.model import Captured, Piece
from drkit.ports import Begin, Clock, Footing, Save
from drkit.streams.process import family

REFS, FACTS, BUNDLE = "refs", "facts", "bundle-"
# In one chain. A restore fetches each, and unpacks it after the other.
MOST = 200


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the capture before has left to go on from."""

    bundles: tuple[Piece, ...]
    refs: Refs
    facts: Facts

    @property
    def tips(self) -> list[str]:
        """What refs led to then or before; the bundles hold all that these reach."""
        return list(dict.fromkeys((*self.refs.tips, *self.facts.tips)))


def capture(
    origin: Origin, options: GitOptions, begin: Begin, footing: Callable[[], Footing | None], clock: Clock
) -> Captured:
    find_version()
    with workplace(options.spool) as folder, family() as children:
        repository = open_repository(origin, children, folder)
        steady = read_steady(repository.git, clock)
        save = begin(steady.moment)
        git = make_shadow(folder / "shadow.git", repository.objects, repository.form, children)
        earlier = _open(footing()) if options.incremental else None
        if earlier and (earlier.facts.object_format != repository.form or len(earlier.bundles) >= MOST):
            earlier = None
        return _Capture(repository, git, steady, save).run(earlier)


@dataclass(frozen=True, slots=True)
class _Capture:
    repository: Repository
    git: Git
    steady: Steady
    save: Save

    def run(self, earlier: Earlier | None) -> Captured:
        refs = self.steady.refs
        wanted = find_range(self.git, refs, earlier.tips if earlier else ())
        if not wanted.known:
            earlier = None  # another repository, or another history: nothing of what is there would be needed
        bundles = list(earlier.bundles) if earlier else []
        found, new = self._look(wanted)
        if new:
            bundles.append(self.save(f"{BUNDLE}{len(bundles):04}", bundle(self.git, wanted, refs)))
        before = earlier.facts if earlier else Facts(self.repository.form, 0, 0, 0, 0)
        facts = Facts(
            self.repository.form,
            refs.count,
            before.lfs_files + found.files,
            before.lfs_bytes + found.bytes,
            self._count_submodules(refs.head),
            tuple(earlier.tips) if earlier else (),
        )
        pieces = (
            *bundles,
            self.save(REFS, iter([refs.format()])),
            self.save(FACTS, iter([format_facts(facts)])),
        )
        return Captured(pieces, (*self.steady.notes, *self._notes(facts, found)))

    def _look(self, wanted: Range) -> tuple[Pointers, int]:
        with tempfile.TemporaryFile() as listing:
            new = list_objects(self.git, wanted, listing) if wanted.tips else 0
            return (find_pointers(self.git, listing, self.repository.lfs) if new else Pointers()), new

    def _count_submodules(self, head: str | None) -> int:
        if head is None:
            return 0
        listed = self.git.demand("ls-tree", "-r", "-z", "--end-of-options", head, failure=_no_tree)
        return sum(line.startswith(b"160000 ") for line in listed.split(b"\0"))

    def _notes(self, facts: Facts, found: Pointers) -> Iterator[str]:
        yield from (sentence for _, sentence in facts.left_out())
        if facts.lfs_files:
            yield (
                advice(self.repository.lfs)
                if not found.elsewhere
                else (
                    f"{found.elsewhere} of what Git LFS keeps is not in {self.repository.lfs} either:"
                    " `git lfs fetch --all` brings it there"
                )
            )
        if others := self.repository.work_trees:
            yield f"{others} linked work trees share it: what only their HEAD or their files hold is not captured"


def advice(kept: Path) -> str:
    return f'capture what Git LFS keeps by a source of its own: kind = "files", path = "{kept}"'


def _open(footing: Footing | None) -> Earlier | None:
    """Nothing where the point before is of another make."""
    if footing is None:
        return None
    pieces = {piece.name: piece for piece in footing.pieces}
    if not {REFS, FACTS} <= pieces.keys():
        return None
    refs, facts = (b"".join(footing.load(pieces[name])) for name in (REFS, FACTS))
    bundles = tuple(piece for piece in footing.pieces if piece.name.startswith(BUNDLE))
    return Earlier(bundles, parse_refs(refs), parse_facts(facts))


def _no_tree(_: int, words: str) -> CaptureError:
    return CaptureError(f"git cannot read the files of HEAD: {words}", "`git fsck --full` in it tells more")
