"""The tar archives of a base backup written out below one folder, each file compared with the server's manifest as its
bytes come. Regular files and folders only, never through a link, nothing twice, and nothing that is not listed.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from drkit.disk.folders import Folders, open_folder
from drkit.disk.names import is_below, printable, split, to_bytes
from drkit.engines.postgres.recovery.server_manifest import Listed
from drkit.errors import IntegrityError, NotRestorable
from drkit.ports import Chunks
from drkit.streams.blocks import Cursor

MANIFEST = "backup_manifest"
TABLESPACE_MAP = "tablespace_map"
_BLOCK = 512
_PORTION = 1 << 20
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_MAGICS = (b"ustar\x0000", b"ustar  \x00")
_FILE, _FOLDER, _LINK = ("0", "\0"), "5", "2"
_HINT = "restore another point, or from another copy"


@dataclass(frozen=True, slots=True)
class Owner:
    """None where the files stay with the user of this process."""

    uid: int
    gid: int


@dataclass
class Extraction:
    """`listed` are the files that must come, by their paths below the data folder, and whatever else comes is refused.
    `spaces` are the folders that the tablespaces' files go to instead, by OID."""

    root: Path
    spaces: Mapping[str, Path]
    listed: Mapping[str, Listed]
    owner: Owner | None = None
    seen: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def add(self, chunks: Chunks, space: str | None = None) -> None:
        """One archive. Several may come at once, each in a thread of its own."""
        root = self.spaces[space] if space else self.root
        with closing(Folders(open_folder(root))) as folders:
            tar = Cursor(chunks)
            while (header := self._read_header(tar)) is not None:
                self._take(tar, header, folders, f"pg_tblspc/{space}/" if space else "")
            if tar.read(1):
                raise IntegrityError("an archive of the base backup goes on after its end", _HINT)

    def expect_all(self) -> None:
        missing = self.listed.keys() - self.seen - {TABLESPACE_MAP}
        if missing:
            such = printable(min(missing))
            raise IntegrityError(f"the base backup lacks {len(missing)} of the files listed, such as {such!r}", _HINT)

    def _read_header(self, tar: Cursor) -> "_Header | None":
        block = tar.read(_BLOCK)
        if len(block) < _BLOCK:
            raise IntegrityError("an archive of the base backup ends too early", _HINT)
        if not any(block):
            while rest := tar.read(_BLOCK):
                if any(rest):
                    raise IntegrityError("an archive of the base backup goes on after its end", _HINT)
            return None
        return _parse_header(block)

    def _take(self, tar: Cursor, header: "_Header", folders: Folders, prefix: str) -> None:
        path = header.path
        if header.type == _LINK and path.startswith("pg_tblspc/"):
            return  # the tablespaces' places are chosen anew
        if header.type == _FOLDER:
            if path:
                with _explaining(path):
                    self._open(folders, path)
            return
        if header.type not in _FILE or not path:
            raise _refused(path, "is neither a file nor a folder")
        listed = self.listed.get(prefix + path)
        if listed is None:
            raise _refused(path, "is not in the server's manifest")
        with self._lock:
            if prefix + path in self.seen:
                raise _refused(path, "is there twice")
            self.seen.add(prefix + path)
        self._write(tar, header, folders, listed, keep=path != TABLESPACE_MAP)

    def _write(self, tar: Cursor, header: "_Header", folders: Folders, listed: Listed, *, keep: bool) -> None:
        digest = hashlib.sha256()
        portions = _portions(tar, header)
        if keep:
            with _explaining(header.path):
                self._fill(header, folders, portions, digest)
        else:
            for portion in portions:
                digest.update(portion)
        if (header.size, digest.hexdigest()) != (listed.size, listed.sha256):
            raise _refused(header.path, "is not what the server's manifest says")

    def _fill(self, header: "_Header", folders: Folders, portions: Iterator[bytes], digest: "hashlib._Hash") -> None:
        folder, name = split(header.path)
        file = os.open(to_bytes(name), _CREATING, 0o600, dir_fd=self._open(folders, folder) if folder else folders.root)
        try:
            for portion in portions:
                digest.update(portion)
                rest = memoryview(portion)
                while rest:
                    rest = rest[os.write(file, rest) :]
            if self.owner:
                os.fchown(file, self.owner.uid, self.owner.gid)
        finally:
            os.close(file)

    def _open(self, folders: Folders, path: str) -> int:
        """The folder, made with those above it if it is not there: an archive may begin anywhere in the tree."""
        try:
            return folders.open(path)
        except FileNotFoundError:
            above, name = split(path)
            parent = self._open(folders, above) if above else folders.root
            with suppress(FileExistsError):  # another archive's thread came first
                os.mkdir(to_bytes(name), 0o700, dir_fd=parent)
                if self.owner:
                    os.chown(name, self.owner.uid, self.owner.gid, dir_fd=parent, follow_symlinks=False)
            return folders.open(path)


@dataclass(frozen=True, slots=True)
class _Header:
    path: str
    type: str
    size: int


def _parse_header(block: bytes) -> _Header:
    claimed = _number(block[148:156])
    if sum(block[:148]) + 8 * ord(" ") + sum(block[156:]) != claimed or block[257:265] not in _MAGICS:
        raise IntegrityError("an archive of the base backup has a header that no server writes", _HINT)
    name, prefix = (bytes(part).split(b"\0", 1)[0] for part in (block[:100], block[345:500]))
    whole = (prefix + b"/" if prefix else b"") + name
    path = whole.decode("utf-8", "surrogateescape").removeprefix("./").removesuffix("/")
    if path and not is_below(path):
        raise _refused(path, "lies outside the backup")
    kind = chr(block[156])
    return _Header(path, kind, 0 if kind in (_FOLDER, _LINK) else _number(block[124:136]))


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & (1 << (8 * len(field) - 1)) - 1
    try:
        return int(field.rstrip(b"\0 ").lstrip(b" ") or b"0", 8)
    except ValueError as error:
        raise IntegrityError("an archive of the base backup has a header that no server writes", _HINT) from error


def _portions(tar: Cursor, header: _Header) -> Iterator[bytes]:
    left = header.size
    while left:
        portion = tar.read(min(left, _PORTION))
        if not portion:
            raise _refused(header.path, "ends too early")
        left -= len(portion)
        yield portion
    tar.read(-header.size % _BLOCK)


def _refused(path: str, what: str) -> IntegrityError:
    return IntegrityError(f"the base backup's entry {printable(path)!r} {what}", _HINT)


@contextmanager
def _explaining(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            raise _refused(path, "has no place of its own: something else has that name") from error
        raise NotRestorable(
            f"{printable(path)!r} cannot be written: {error.strerror}", "look at the disk and its room"
        ) from error
