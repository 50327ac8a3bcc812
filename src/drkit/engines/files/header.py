"""How a member begins in the tar stream: a pax header where ustar has no room, then the ustar header.

Pure. What is written here never changes for a given member: a restore makes each header again from the index and
compares, so no tar header is ever believed, or even read.
"""

from functools import lru_cache

from drkit.disk.names import ROOT, split, to_bytes
from drkit.engines.files.member import Member

BLOCK = 512
END = bytes(2 * BLOCK)

_TYPES = {"file": b"0", "hardlink": b"1", "symlink": b"2", "folder": b"5"}
_MOST_11 = 8**11 - 1
_MOST_7 = 8**7 - 1


def header(member: Member) -> bytes:
    path = _path(member)
    target = to_bytes(member.target)
    user, group = to_bytes(member.user), to_bytes(member.group)
    stored = body_size(member)
    seconds, rest = divmod(member.mtime_ns, 10**9)
    records: list[tuple[bytes, bytes]] = []
    name = path
    if member.data is not None:
        name = b"GNUSparseFile.0/" + to_bytes(split(member.path)[1])
        records += [
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", path),
            (b"GNU.sparse.realsize", b"%d" % member.size),
        ]
    elif _needs_record(path, 100):
        records.append((b"path", path))
    if _needs_record(target, 100):
        records.append((b"linkpath", target))
    if stored > _MOST_11:
        records.append((b"size", b"%d" % stored))
    if member.uid > _MOST_7:
        records.append((b"uid", b"%d" % member.uid))
    if member.gid > _MOST_7:
        records.append((b"gid", b"%d" % member.gid))
    if _needs_record(user, 32):
        records.append((b"uname", user))
    if _needs_record(group, 32):
        records.append((b"gname", group))
    if rest or not 0 <= seconds <= _MOST_11:
        records.append((b"mtime", _decimal(member.mtime_ns)))
    block = _ustar(
        name[:100],
        member.mode,
        member.uid if member.uid <= _MOST_7 else 0,
        member.gid if member.gid <= _MOST_7 else 0,
        stored if stored <= _MOST_11 else 0,
        seconds if 0 <= seconds <= _MOST_11 else 0,
        _TYPES[member.type],
        target[:100],
        user[:32],
        group[:32],
    )
    return _pax(records) + block if records else block


def sparse_map(member: Member) -> bytes:
    """GNU's sparse format 1.0: the number of runs, then each offset and length, a line each. A last run
    without bytes says where a file ends that ends with a hole."""
    runs = list(member.data or ())
    if not runs or sum(runs[-1]) < member.size:
        runs.append((member.size, 0))
    lines = b"%d\n" % len(runs) + b"".join(b"%d\n%d\n" % run for run in runs)
    return lines + padding(len(lines))


def body_size(member: Member) -> int:
    """How many bytes stand in the archive for this member, padding aside."""
    if member.data is None:
        return member.size
    return len(sparse_map(member)) + sum(length for _, length in member.data)


def padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _path(member: Member) -> bytes:
    if member.path == ROOT:
        return b"./"
    return to_bytes(member.path) + (b"/" if member.type == "folder" else b"")


def _needs_record(value: bytes, room: int) -> bool:
    """A short name that is not UTF-8 stays out of pax: it stands raw in ustar, and every tar reads it there."""
    return len(value) > room or (not value.isascii() and _is_utf8(value))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decimal(nanoseconds: int) -> bytes:
    seconds, rest = divmod(abs(nanoseconds), 10**9)
    sign = "-" if nanoseconds < 0 else ""
    return f"{sign}{seconds}.{rest:09d}".rstrip("0").rstrip(".").encode()


def _pax(records: list[tuple[bytes, bytes]]) -> bytes:
    if not all(value.isascii() or _is_utf8(value) for _, value in records):
        records = [(b"hdrcharset", b"BINARY"), *records]
    said = b"".join(_record(key, value) for key, value in records)
    return _pax_block(len(said)) + said + padding(len(said))


def _record(key: bytes, value: bytes) -> bytes:
    """A record begins with its own length, digits of the length included."""
    bare = len(key) + len(value) + 3
    length = bare + len(str(bare))
    length = bare + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


@lru_cache(1024)
def _pax_block(size: int) -> bytes:
    return _ustar(b"PaxHeader", 0o644, 0, 0, size, 0, b"x", b"", b"", b"")


def _ustar(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime: int,
    kind: bytes,
    target: bytes,
    user: bytes,
    group: bytes,
) -> bytes:
    front = b"%-100b%07o\0%07o\0%07o\0%011o\0%011o\0" % (b"", mode, uid, gid, size, mtime)
    front = name.ljust(100, b"\0") + front[100:]
    back = kind + target.ljust(100, b"\0") + b"ustar\x0000" + user.ljust(32, b"\0") + group.ljust(32, b"\0")
    back = (back + b"0000000\x000000000\0").ljust(BLOCK - 156, b"\0")
    return b"%b%06o\0 %b" % (front, sum(front) + sum(back) + 8 * 32, back)
