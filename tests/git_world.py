"""Git repositories for tests, made and looked at by git itself, and a vault for their points: drkit's own sealing, with
a store in memory.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from drkit.age import new_identity
from drkit.backup import back_up
from drkit.catalog import read_manifest, survey
from drkit.earlier import find_footing
from drkit.engines.git import GitEngine
from drkit.engines.git.options import GitOptions
from drkit.engines.git.origin import Origin
from drkit.model import Check, Manifest, Point, Restored, Wishes
from drkit.ports import Clock, Footing, Store
from drkit.sealing import Keyring, Seal, loading
from drkit.signing import new_signing_key
from drkit.stores.memory import MemoryStore

SOURCE = "shop/code"
WEEK = timedelta(days=7)
_PEOPLE = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@b.c",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def utc_now() -> datetime:
    return datetime.now(UTC)


def git(folder: Path, *words: str | Path, given: bytes | None = None, **environment: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=os.environ | _PEOPLE | environment,
        input=given,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.decode(errors="surrogateescape").strip()


def make_repository(folder: Path, *words: str) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main", *words)
    return folder


def commit(folder: Path, text: str, file: str = "file", **environment: str) -> str:
    (folder / file).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", text[:60], **environment)
    return git(folder, "rev-parse", "HEAD")


@dataclass(frozen=True)
class Seen:
    """What git itself says of a repository: HEAD as the file has it, every ref, and every object that they reach."""

    head: str
    refs: frozenset[str]
    objects: frozenset[str]


def look(folder: Path) -> Seen:
    place = folder / ".git" if (folder / ".git").exists() else folder
    head = (place / "HEAD").read_text()
    refs = git(folder, "for-each-ref", "--format=%(objectname) %(refname) %(symref)").splitlines()
    reached = ["--all"] if refs or not head.startswith("ref:") else []
    objects = git(folder, "rev-list", "--objects", "--no-object-names", *reached).splitlines() if reached else []
    return Seen(head, frozenset(refs), frozenset(objects))


def fsck(folder: Path) -> str:
    """It raises where something is missing."""
    return git(folder, "fsck", "--full", "--strict", "--no-dangling")


@dataclass
class Vault:
    """The points of one repository, captured one after the other."""

    origin: Callable[[], Origin]
    store: Store = field(default_factory=MemoryStore)
    full_every: timedelta = WEEK
    options: GitOptions = field(default_factory=GitOptions)
    clock: Clock = utc_now
    during: Callable[[], object] = lambda: None  # once the refs are fixed, and before any object is read
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        identity, signing_key = new_identity(), new_signing_key()
        self.seal = Seal((identity.recipient(),), signing_key)
        self.keyring = Keyring((identity,), frozenset([signing_key.signer()]))

    @property
    def engine(self) -> GitEngine:
        def footing() -> Footing | None:
            self.during()
            return find_footing(SOURCE, "git", self.store, self.seal, self.full_every, self.clock())

        return GitEngine(self.origin, self.options, footing, clock=self.clock)

    def capture(self) -> Manifest:
        token = f"{len(self.points):08x}"
        manifest, self.notes = back_up(SOURCE, self.engine, self.store, self.seal, self.clock, token, "a test")
        return manifest

    @property
    def points(self) -> list[Point]:
        return list(survey(self.store, SOURCE).points)

    def manifest(self, point: Point) -> Manifest:
        return read_manifest(self.store, SOURCE, point.id, self.keyring.signers)

    def restore(self, manifest: Manifest, target: Path, swap: bool = False) -> Restored:
        return self.engine.restore(manifest, loading(self.store, self.keyring), str(target), Wishes(swap=swap))

    def prove(self, manifest: Manifest, target: Path) -> list[Check]:
        return list(self.engine.prove(manifest, loading(self.store, self.keyring), str(target)))

    def read(self, manifest: Manifest, name: str) -> bytes:
        [piece] = [each for each in manifest.pieces if each.name == name]
        return b"".join(loading(self.store, self.keyring)(piece))


def vault_of(folder: Path, **options: object) -> Vault:
    return Vault(lambda: folder, **options)  # type: ignore[arg-type]


def bundles(manifest: Manifest) -> list[str]:
    return [piece.name for piece in manifest.pieces if piece.name.startswith("bundle-")]


def change_at_random(folder: Path, chance: Random) -> None:
    """What people do to a repository, and what they regret: any of it leaves one that git can read."""
    branches = git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
    git(folder, "checkout", "--quiet", "--detach")
    number = chance.randrange(1 << 30)
    what = chance.choice(("commit", "commit", "branch", "tag", "note", "force", "delete", "merge", "odd", "head"))
    branch = chance.choice(branches)
    if what == "commit":
        git(folder, "checkout", "--quiet", branch)
        commit(folder, f"{number}\n" * chance.randrange(1, 50), f"f{chance.randrange(5)}")
    elif what == "branch":
        git(folder, "branch", f"b{number}/x", branch)
    elif what == "tag":
        git(folder, "tag", *chance.choice(([], ["--annotate", "--message", "t"])), f"t{number}", branch)
    elif what == "note":
        git(folder, "notes", "add", "--force", "--message", str(number), branch)
    elif what == "force":
        git(folder, "checkout", "--quiet", branch)
        git(folder, "commit", "--quiet", "--amend", "--allow-empty", "--message", str(number))
    elif what == "delete" and len(branches) > 1:
        git(folder, "branch", "--quiet", "-D", branch)
    elif what == "merge":
        git(folder, "checkout", "--quiet", branch)
        git(
            folder,
            "merge",
            "--quiet",
            "--strategy=ours",
            "--allow-unrelated-histories",
            "--no-edit",
            chance.choice(branches),
        )
    elif what == "odd":  # refs to a file and to a folder of files, beside the usual ones
        blob = git(folder, "hash-object", "-w", "--stdin", given=str(number).encode())
        git(folder, "update-ref", f"refs/odd/{number}", blob)
        git(folder, "update-ref", "refs/odd/tree", f"{branch}^{{tree}}")
    elif what == "head":
        git(folder, "checkout", "--quiet", branch)
    if chance.random() < 0.3:
        git(folder, "gc", "--quiet", *chance.choice(([], ["--prune=now"])))
