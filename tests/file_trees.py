"""Trees of files for the tests of the files engine: made, captured into a plain dictionary, and told apart."""

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from drkit.engines.files import FilesEngine
from drkit.model import Captured, Digest, Manifest, Piece, Wishes
from drkit.ports import Save

LONG = 1_700_000_000_123_456_789


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Kept:
    """What a capture gave: all that a store would hold."""

    pieces: dict[str, bytes] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)

    def begin(self, moment: datetime) -> Save:
        self.moments.append(moment)
        return self.save

    def save(self, name: str, chunks: Iterable[bytes]) -> Piece:
        self.pieces[name] = b"".join(chunks)
        return self.piece(name)

    def piece(self, name: str) -> Piece:
        return Piece(name, f"shop/files/{name}", len(self.pieces[name]), Digest("", 0))

    @property
    def manifest(self) -> Manifest:
        pieces = tuple(self.piece(name) for name in self.pieces)
        return Manifest("id", "shop/files", "files", now(), now(), now(), pieces, "", "")

    def load(self, piece: Piece) -> Iterator[bytes]:
        held = self.pieces[piece.name]
        return (held[at : at + 70_000] for at in range(0, len(held), 70_000))


def capture(
    source: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), kept: Kept | None = None
) -> tuple[Kept, Captured]:
    kept = kept or Kept()
    return kept, FilesEngine(source, include, exclude, clock=now).capture(kept.begin)


def restore(kept: Kept, target: Path, swap: bool = False) -> None:
    FilesEngine(target, clock=now).restore(kept.manifest, kept.load, str(target), Wishes(swap=swap))


def look(root: Path) -> dict[bytes, tuple[object, ...]]:
    """Every entry with all that a restore has to bring back; names of one file share a number."""
    seen: dict[bytes, tuple[object, ...]] = {}
    numbers: dict[int, int] = {}
    for folder, folders, files, fd in os.fwalk(os.fsencode(root)):
        inside = os.path.relpath(folder, os.fsencode(root))
        seen[inside] = _status(os.fstat(fd))
        for name in sorted([*files, *folders]):
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(name, dir_fd=fd)
            elif stat.S_ISREG(status.st_mode):
                number = numbers.setdefault(status.st_ino, len(numbers))
                content = (_digest(name, fd), status.st_size, status.st_blocks * 512 < status.st_size, number)
            elif stat.S_ISDIR(status.st_mode):
                continue
            seen[inside + b"/" + name] = (*_status(status), content)
    return dict(sorted(seen.items()))


def _status(status: os.stat_result) -> tuple[object, ...]:
    return oct(status.st_mode), status.st_mtime_ns, status.st_uid, status.st_gid


def _digest(name: bytes, folder: int) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_rich_tree(root: Path) -> None:
    """Everything a file system can throw at a backup, sockets and their like aside."""
    root.mkdir()
    (root / "empty").mkdir()
    (root / "plain.txt").write_text("hello\n")
    (root / "nothing").touch()
    (root / ".hidden").write_text("dot\n")
    (root / "big.bin").write_bytes(os.urandom(2_500_001))
    (root / "exact").write_bytes(b"x" * 512)
    (root / "inner" / "deeper").mkdir(parents=True)
    (root / "inner" / "deeper" / "script").write_text("#!/bin/sh\n")
    (root / "inner" / "deeper" / "script").chmod(0o755)
    (root / "sealed").mkdir()
    (root / "sealed" / "read-only").write_text("quiet\n")
    (root / "sealed" / "read-only").chmod(0o400)
    (root / "sticky").mkdir()
    (root / "sticky").chmod(0o1777)
    (root / "link").symlink_to("plain.txt")
    (root / "dangling").symlink_to("/nowhere/at all")
    (root / "long link").symlink_to("y" * 300)
    (root / "to folder").symlink_to("inner")
    os.link(root / "plain.txt", root / "inner" / "second name")
    os.link(root / "plain.txt", root / "third name")
    (root / ("n" * 100)).write_text("100")
    (root / ("n" * 101)).write_text("101")
    (root / "naïve ☃").write_text("utf-8")
    (root / "ünï" / "ö").mkdir(parents=True)
    (root / "line\nbreak\t\\").write_text("newline")
    for odd in (b"latin-\xe9", b"\xff" * 120):
        (root / os.fsdecode(odd)).write_bytes(odd)
    (root / os.fsdecode(b"link-\xe9")).symlink_to(os.fsdecode(b"latin-\xe9"))
    _make_holes(root)
    if os.geteuid() == 0:
        os.chown(root / "empty", 12345, 2_200_000)
        os.lchown(root / "link", 12345, 54321)
        os.chown(root / "exact", 3_000_000, 3)
        (root / "exact").chmod(0o6755)
    make_deep(root, [b"d" * 250] * 15)
    os.utime(root / "nothing", ns=(0, -1_500_000_000))
    os.utime(root / "exact", ns=(0, 1_700_000_000 * 10**9))
    os.utime(root / "plain.txt", ns=(0, LONG))
    os.utime(root / "link", ns=(0, LONG + 7), follow_symlinks=False)
    os.utime(root / "inner", ns=(0, LONG + 1))
    os.utime(root, ns=(0, LONG + 3))
    (root / "sealed").chmod(0o500)


def _make_holes(root: Path) -> None:
    for name, size, runs in (
        ("holes", 10_000_000, [(0, 5), (4_000_000, 100_000), (9_999_990, 10)]),
        ("hole at the end", 5_000_000, [(1_000_000, 8_192)]),
        ("only a hole", 7_000_000, []),
    ):
        with (root / name).open("wb") as file:
            for offset, length in runs:
                file.seek(offset)
                file.write(os.urandom(length))
            file.truncate(size)


def make_deep(root: Path, steps: list[bytes]) -> None:
    """A file at the end of a path that may be longer than any one call takes."""
    fd = os.open(root, os.O_RDONLY)
    for step in steps:
        os.mkdir(step, dir_fd=fd)
        inner = os.open(step, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    with os.fdopen(os.open(b"bottom", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd), "wb") as file:
        file.write(b"deep")
    os.close(fd)


def python(*arguments: str) -> list[str]:
    """The command of a child that imports drkit and these trees as this process does."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]
    return [
        sys.executable,
        "-W",
        "error",
        "-c",
        f"import sys; sys.path[:0] = {paths!r}\n" + arguments[0],
        *arguments[1:],
    ]
