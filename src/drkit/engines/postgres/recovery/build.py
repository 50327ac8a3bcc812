"""From the pieces of base backups to the files of a cluster, as they were when the last of them ended.

Incremental ones are put together by pg_combinebackup. It must not know of the log, nor start anything.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drkit.disk.removal import remove_tree
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.recovery.extract import MANIFEST, Extraction, Owner
from drkit.engines.postgres.recovery.server_manifest import parse_manifest
from drkit.engines.postgres.recovery.serverfacts import PIECE as FACTS
from drkit.engines.postgres.recovery.serverfacts import ServerFacts, parse_facts
from drkit.engines.postgres.refusals import redact
from drkit.engines.postgres.scratch.confinement import ENVIRONMENT
from drkit.errors import IntegrityError, NotRestorable
from drkit.model import Manifest, Piece
from drkit.ports import Load
from drkit.streams.process import family

SERVER_MANIFEST = "manifest"
SPACES = "pg_tblspc"
_ARCHIVE = re.compile(r"(base|\d+)-\d{5}")
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Site:
    """Where the cluster comes to stand: `data` and the folders for the tablespaces by their numbers are there and
    empty, and `work` is for what is in between."""

    data: Path
    spaces: Mapping[str, Path]
    work: Path
    owner: Owner | None


def read_facts(manifest: Manifest, load: Load) -> ServerFacts:
    return parse_facts(b"".join(load(find_piece(manifest, FACTS))))


def find_piece(manifest: Manifest, name: str) -> Piece:
    for piece in manifest.pieces:
        if piece.name == name:
            return piece
    raise IntegrityError(f"the manifest of {manifest.id} names no piece {name!r}", "restore another point")


def archives_of(manifest: Manifest) -> list[tuple[Piece, str | None]]:
    """With the number of the tablespace that each belongs to; None for the data folder itself."""
    matches = ((piece, _ARCHIVE.fullmatch(piece.name)) for piece in manifest.pieces)
    return [(piece, None if match[1] == "base" else match[1]) for piece, match in matches if match]


def build(chain: Sequence[Manifest], load: Load, site: Site, combining: Callable[[], Programs]) -> None:
    """`combining` finds the programs where there is something to put together."""
    if len(chain) == 1:
        _extract(chain[0], load, site)
        _link(site)
        return
    programs = combining()
    parts = [_part(site, number, manifest) for number, manifest in enumerate(chain)]
    for manifest, part in zip(chain, parts, strict=True):
        _extract(manifest, load, part)
        _link(part)
    _combine(programs, parts, site)
    for part in parts:
        remove_tree(part.data)
        for folder in part.spaces.values():
            remove_tree(folder)


def _part(site: Site, number: int, manifest: Manifest) -> Site:
    data = site.work / f"part-{number}"
    spaces = {space: site.work / f"part-{number}-{space}" for _, space in archives_of(manifest) if space}
    for folder in (data, *spaces.values()):
        folder.mkdir(0o700)
    return Site(data, spaces, site.work, None)


def _extract(manifest: Manifest, load: Load, site: Site) -> None:
    content = b"".join(load(find_piece(manifest, SERVER_MANIFEST)))
    extraction = Extraction(site.data, site.spaces, parse_manifest(content), site.owner)
    over = []

    def stop() -> None:
        over.append(True)

    def take(piece: Piece, space: str | None) -> None:
        if not over:
            extraction.add(load(piece), space)

    run_together([partial(take, *each) for each in archives_of(manifest)], _WORKERS, stop)
    extraction.expect_all()
    listed = site.data / MANIFEST
    listed.write_bytes(content)
    listed.chmod(0o600)
    if site.owner:
        os.chown(listed, site.owner.uid, site.owner.gid)


def _link(site: Site) -> None:
    """The only links there are, each to a folder that was chosen here; the last thing that is made."""
    for space, folder in site.spaces.items():
        link = site.data / SPACES / space
        link.symlink_to(folder)
        if site.owner:
            os.chown(link, site.owner.uid, site.owner.gid, follow_symlinks=False)


def _combine(programs: Programs, parts: Sequence[Site], site: Site) -> None:
    last = parts[-1]
    mappings = [f"--tablespace-mapping={_escape(last.spaces[oid])}={_escape(site.spaces[oid])}" for oid in last.spaces]
    command = [
        programs.path("pg_combinebackup"),
        "--no-sync",
        "--manifest-checksums=SHA256",
        *mappings,
        f"--output={site.data}",
        *(str(part.data) for part in parts),
    ]

    def failure(status: int, said: str) -> NotRestorable:
        return NotRestorable(
            f"pg_combinebackup could not put the backups together and exited with status {status}: {redact(said)}",
            "see that the disk has room for the cluster twice",
        )

    with family() as children:
        children.feed(command, ENVIRONMENT | programs.environment, failure)
    if site.owner:
        for root in (site.data, *site.spaces.values()):
            give_tree(root, site.owner)


def give_tree(root: Path, owner: Owner) -> None:
    """What a program has made; nothing in it is a link to elsewhere but those of tablespaces."""
    os.chown(root, owner.uid, owner.gid)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.chown(Path(folder, name), owner.uid, owner.gid, follow_symlinks=False)


def _escape(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("=", "\\=")
