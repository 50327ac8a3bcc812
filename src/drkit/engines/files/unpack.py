"""A tree made again from its tar stream and its index, below one folder and nowhere else.

Three passes: folders and files as the stream brings them; then links; then the folders' modes and times, the inner
ones first. So no link exists while files are written, and every folder stays writable until it is full.
"""

import errno
import hashlib
import os
import stat
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from drkit.disk.folders import Folders
from drkit.disk.names import ROOT, printable, to_bytes
from drkit.engines.files.body import write_body
from drkit.engines.files.header import END, body_size, header, padding, sparse_map
from drkit.engines.files.intake import Intake
from drkit.engines.files.member import Member, parse_line
from drkit.errors import IntegrityError, NotRestorable

_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
SETUID_SETGID = 0o6000


class Unpacking:
    """`index` is a seekable file of lines. Everything in both inputs is doubted: what is not as drkit writes it, or
    not the same in both, raises an IntegrityError that names the entry. Owners and setuid bits need root."""

    def __init__(self, folders: Folders, index: IO[bytes]) -> None:
        self._folders = folders
        self._index = index
        self._uid = os.geteuid()
        self._strangers = 0
        self._changed = 0
        self._symlinks = array("Q")
        self._inner = array("Q")

    def run(self, archive: Intake) -> None:
        for at, member in self._members():
            if archive.take(len(expected := header(member)), member.path) != expected:
                raise _refusal(member, "is not what the archive holds in its place")
            with _naming(member):
                self._make(archive, at, member)
            self._strangers += member.uid != self._uid
            self._changed += member.changed and member.type == "file"
        if archive.take(len(END), ROOT) != END:
            raise IntegrityError("The archive of the files holds more than its index lists.")
        archive.expect_end()
        for at in self._symlinks:
            member = self._member_at(at)
            with _naming(member):
                self._make_symlink(member)
        for at in reversed(self._inner):
            member = self._member_at(at)
            with _naming(member):
                self._dress(self._folders.open(member.path), member)

    def notes(self) -> tuple[str, ...]:
        changed = f"{self._changed} files were changed after the point's moment, while they were being captured"
        strangers = f"{self._strangers} entries had another owner and are now user {self._uid}'s; only root gives away"
        told = ((self._changed, changed), (self._uid != 0 and self._strangers, strangers))
        return tuple(text for count, text in told if count)

    def _members(self) -> Iterator[tuple[int, Member]]:
        self._index.seek(0)
        at = 0
        for line in self._index:
            member = parse_line(line)
            if (at == 0) != (member.path == ROOT):
                raise _refusal(member, "has no place there: the folder itself comes first, and once")
            yield at, member
            at += len(line)
        if at == 0:
            raise IntegrityError("The index of the files is empty.")

    def _member_at(self, at: int) -> Member:
        self._index.seek(at)
        return parse_line(self._index.readline())

    def _make(self, archive: Intake, at: int, member: Member) -> None:
        folder, name = self._folders.parent(member.path)
        match member.type:
            case "file":
                fd = os.open(name, _CREATING, 0o600, dir_fd=folder)
                try:
                    self._fill(fd, archive, member)
                    self._dress(fd, member)
                finally:
                    os.close(fd)
            case "folder":
                if member.path != ROOT:
                    os.mkdir(name, 0o700, dir_fd=folder)
                self._inner.append(at)
            case "hardlink":
                self._make_hardlink(member)
            case "symlink":
                self._symlinks.append(at)

    def _fill(self, fd: int, archive: Intake, member: Member) -> None:
        digest = hashlib.sha256()
        size = body_size(member)
        if member.data is not None:
            expected = sparse_map(member)
            if archive.take(len(expected), member.path) != expected:
                raise _refusal(member, "has other holes in the archive than in the index")
            digest.update(expected)
            size -= len(expected)

        def hashed() -> Iterator[memoryview]:
            for portion in archive.portions(size, member.path):
                digest.update(portion)
                yield portion

        write_body(fd, member, hashed())
        gap = padding(size)
        if archive.take(len(gap), member.path) != gap:
            raise _refusal(member, "is followed by bytes that are not its own")
        if digest.hexdigest() != member.sha256:
            raise _refusal(member, "has another SHA-256 than the file that was captured")

    def _make_hardlink(self, member: Member) -> None:
        """Only to a file of this archive: at this time the tree holds nothing but its folders and files."""
        folder, earlier = self._folders.parent(member.target)
        there = os.dup(folder)
        try:
            if not stat.S_ISREG(os.stat(earlier, dir_fd=there, follow_symlinks=False).st_mode):
                raise _refusal(member, "is a second name of something that is no file")
            here, name = self._folders.parent(member.path)
            os.link(earlier, name, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)
        finally:
            os.close(there)

    def _make_symlink(self, member: Member) -> None:
        folder, name = self._folders.parent(member.path)
        os.symlink(to_bytes(member.target), name, dir_fd=folder)
        if self._uid == 0:
            os.chown(name, member.uid, member.gid, dir_fd=folder, follow_symlinks=False)
        os.utime(name, ns=(member.mtime_ns, member.mtime_ns), dir_fd=folder, follow_symlinks=False)

    def _dress(self, fd: int, member: Member) -> None:
        if self._uid == 0:
            os.fchown(fd, member.uid, member.gid)
        os.fchmod(fd, member.mode if self._uid == 0 else member.mode & ~SETUID_SETGID)
        os.utime(fd, ns=(member.mtime_ns, member.mtime_ns))


def _refusal(member: Member, what: str) -> IntegrityError:
    return IntegrityError(f"The entry {printable(member.path)!r} {what}.")


@contextmanager
def _naming(member: Member) -> Iterator[None]:
    """The target was empty, so a name that is taken or missing there is the archive's fault."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise _refusal(
                member, "is there twice, or differs from another only in a way that the target does not tell apart"
            ) from error
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise _refusal(member, "needs a folder or a file that is not listed before it") from error
        raise NotRestorable(
            f"The entry {printable(member.path)!r} cannot be made: {error.strerror}.",
            hint="Restore to a disk with room for it, whose file system can hold it.",
        ) from error
