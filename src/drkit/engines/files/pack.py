"""A tree as one tar stream, and the index of what went into it. Nothing is read twice or held whole.

Must not know where the bytes go.
"""

import errno
import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO

from drkit.disk.folders import Folders
from drkit.disk.names import to_text
from drkit.engines.files.body import CHUNK, find_data, read_body
from drkit.engines.files.header import END, body_size, header, padding
from drkit.engines.files.member import Member, Type, format_line
from drkit.engines.files.patterns import Selection
from drkit.engines.files.remarks import Remarks
from drkit.engines.files.walk import Spot, cannot_read, walk
from drkit.errors import CaptureError
from drkit.ports import Chunks

# what opening a name gives when there is no longer a file (or link) under it
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL}


class Packing:
    """One capture. What changed later than `began_ns`, or while it was read, is flagged in the index and remarked:
    it was read as it is now, not as it was then. A second name of a file that was read becomes a tar hard link."""

    def __init__(self, folders: Folders, began_ns: int, index: IO[bytes], remarks: Remarks) -> None:
        self._folders = folders
        self._began_ns = began_ns
        self._index = index
        self._remarks = remarks
        self._links: dict[tuple[int, ...], tuple[str, int]] = {}

    def chunks(self, selection: Selection) -> Chunks:
        """Chunks of about a mebibyte, however small the files are."""
        return _gather(self._parts(selection))

    def _parts(self, selection: Selection) -> Iterator[bytes]:
        taken = 0
        for spot in walk(self._folders, selection, self._remarks):
            taken += 1
            if spot.status is not None:
                yield self._folder(spot.path, spot.status)
                continue
            try:
                yield from self._file(spot) if spot.type == "file" else self._symlink(spot)
            except OSError as error:
                raise cannot_read(spot.path, error) from error
        if taken == 1:
            raise _nothing_taken(selection)
        with _room_for_index():
            self._index.flush()
        yield END

    def _folder(self, path: str, status: os.stat_result) -> bytes:
        changed = status.st_ctime_ns > self._began_ns
        if changed:
            self._remarks.add("folder", path)
        return self._list(_describe(path, "folder", status)._replace(changed=changed))

    def _symlink(self, spot: Spot) -> Iterator[bytes]:
        try:
            status = os.stat(spot.name, dir_fd=spot.folder, follow_symlinks=False)
            target = to_text(os.readlink(spot.name, dir_fd=spot.folder))
        except OSError as error:
            self._remark_vanished(spot.path, error)
            return
        yield self._list(_describe(spot.path, "symlink", status)._replace(target=target))

    def _file(self, spot: Spot) -> Iterator[bytes]:
        try:
            fd = os.open(spot.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=spot.folder)
        except OSError as error:
            self._remark_vanished(spot.path, error)
            return
        try:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                self._remarks.add("special", spot.path)
            elif earlier := self._earlier_name(spot.path, before):
                yield self._list(_describe(spot.path, "hardlink", before)._replace(target=earlier))
            else:
                yield from self._contents(spot.path, fd, before)
        finally:
            os.close(fd)

    def _remark_vanished(self, path: str, error: OSError) -> None:
        if error.errno not in _GONE:
            raise error
        self._remarks.add("vanished", path)

    def _contents(self, path: str, fd: int, before: os.stat_result) -> Iterator[bytes]:
        member = _describe(path, "file", before)._replace(size=before.st_size, data=find_data(fd, before))
        yield header(member)
        digest = hashlib.sha256()
        for chunk in read_body(fd, member):
            digest.update(chunk)
            yield chunk
        if gap := padding(body_size(member)):
            yield gap
        after = os.fstat(fd)
        # the second half is for a file server whose clock is behind ours
        changed = after.st_ctime_ns > self._began_ns or _state(after) != _state(before)
        if changed:
            self._remarks.add("changed", path)
        self._list(member._replace(sha256=digest.hexdigest(), changed=changed))

    def _earlier_name(self, path: str, status: os.stat_result) -> str | None:
        """Remembers a file with several names until all of them were met. A number that a new file took over from
        a deleted one is told apart by size and time."""
        if status.st_nlink == 1:
            return None
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        first, left = self._links.pop(key, (path, status.st_nlink))
        if left > 1:
            self._links[key] = (first, left - 1)
        return first if first != path else None

    def _list(self, member: Member) -> bytes:
        """Puts the member into the index; gives its header."""
        with _room_for_index():
            self._index.write(format_line(member))
        return header(member)


def _nothing_taken(selection: Selection) -> CaptureError:
    if selection.include:
        return CaptureError(
            "No file matches `include`: " + ", ".join(repr(one.text) for one in selection.include) + ".",
            hint="Patterns are relative to the source's folder; `**/*.txt` matches in every folder below it.",
        )
    return CaptureError(
        "The source is empty: nothing in it is wanted.",
        hint="Is its disk mounted? A folder that is empty for now can be left out of the schedule.",
    )


@contextmanager
def _room_for_index() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CaptureError(
            f"The index of the files does not fit into the folder for temporary files: {error.strerror}.",
            hint="Set TMPDIR to a folder with room: about 300 bytes for each file of the source.",
        ) from error


def _describe(path: str, kind: Type, status: os.stat_result) -> Member:
    return Member(
        path=path,
        type=kind,
        size=0,
        mode=stat.S_IMODE(status.st_mode),
        mtime_ns=status.st_mtime_ns,
        uid=status.st_uid,
        gid=status.st_gid,
        user=_user(status.st_uid),
        group=_group(status.st_gid),
    )


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(1024)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


@lru_cache(1024)
def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _gather(parts: Iterable[bytes]) -> Chunks:
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
