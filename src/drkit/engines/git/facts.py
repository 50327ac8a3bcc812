"""What is to be known of a capture besides its refs, as a piece of its own. It must not know how it was found out."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from drkit.errors import IntegrityError

FORMS = ("sha1", "sha256")


@dataclass(frozen=True, slots=True)
class Facts:
    """`object_format` is how objects are named, `refs` how many there are, `lfs_files` and `lfs_bytes` are what Git LFS
    keeps elsewhere, and `submodules` how many other repositories HEAD's files name. `tips` are objects that refs led to
    in the points before, whose bundles this one has: of a history that was forced away some are still there."""

    object_format: str
    refs: int
    lfs_files: int
    lfs_bytes: int
    submodules: int
    tips: tuple[str, ...] = ()

    def left_out(self) -> Iterator[tuple[str, str]]:
        """What belongs to the repository and is not in the backup: of which kind, and a sentence."""
        if self.lfs_files:
            yield (
                "git lfs",
                f"{self.lfs_files} files of {self.lfs_bytes} bytes are in Git LFS, and not in these bundles: only the"
                " pointers to them are",
            )
        if self.submodules:
            many = f"HEAD names {self.submodules} submodules"
            yield "submodules", f"{many}: each is a repository of its own, and not in these bundles"


def format_facts(facts: Facts) -> bytes:
    return f"{json.dumps(asdict(facts), indent=2)}\n".encode()


def parse_facts(content: bytes) -> Facts:
    try:
        found = json.loads(content)
        numbers = [int(found[name]) for name in ("refs", "lfs_files", "lfs_bytes", "submodules")]
        form, tips = str(found["object_format"]), tuple(map(str, found["tips"]))
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"The facts about the repository cannot be read: {error!r}") from error
    if form not in FORMS:
        raise IntegrityError(f"The repository's object format {form!r} is not known.")
    refs, lfs_files, lfs_bytes, submodules = numbers
    return Facts(form, refs, lfs_files, lfs_bytes, submodules, tips)
