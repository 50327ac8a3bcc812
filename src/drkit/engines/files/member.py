"""One entry of an archive, and its line in the index: JSON in ASCII, one object a line.

A line says all that a restore needs besides the bytes, so reading one is where hostile input is refused.
Must not know the disk, nor how tar spells any of it.
"""

import json
import re
from typing import Any, Literal, NamedTuple

from drkit.disk.names import ROOT, is_below, printable, to_bytes
from drkit.errors import IntegrityError

Type = Literal["file", "folder", "symlink", "hardlink"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MODE = re.compile(r"[0-7]{4}")
_LIMITS = {"size": 2**63, "uid": 2**32 - 1, "gid": 2**32 - 1}


class Member(NamedTuple):
    """`path` is relative, and `.` for the folder itself. `target` is a symlink's text, or the path of the earlier
    member that a hardlink is another name of. `data` is None, or where a sparse file has bytes: (offset, length).
    `sha256` is that of the bytes that stand in the archive for this file: a sparse file's map and data."""

    path: str
    type: Type
    size: int
    mode: int
    mtime_ns: int
    uid: int
    gid: int
    user: str = ""
    group: str = ""
    target: str = ""
    data: tuple[tuple[int, int], ...] | None = None
    sha256: str = ""
    changed: bool = False


def format_line(member: Member) -> bytes:
    said: dict[str, Any] = {
        "path": member.path,
        "type": member.type,
        "size": member.size,
        "mode": f"{member.mode:04o}",
        "mtime_ns": member.mtime_ns,
        "uid": member.uid,
        "gid": member.gid,
        "user": member.user,
        "group": member.group,
    }
    if member.target:
        said["target"] = member.target
    if member.data is not None:
        said["data"] = member.data
    if member.sha256:
        said["sha256"] = member.sha256
    if member.changed:
        said["changed"] = True
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def parse_line(line: bytes) -> Member:
    """Takes what `format_line` writes and nothing else; the path cannot leave the folder it is restored in."""
    try:
        said = json.loads(line)
        said["mode"] = int(said["mode"], 8) if _MODE.fullmatch(said["mode"]) else None
        if "data" in said:
            said["data"] = tuple((offset, length) for offset, length in said["data"])
        member = Member(**said)
        for name in (member.path, member.target, member.user, member.group, member.sha256, member.type):
            to_bytes(name)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise IntegrityError("The index of the files has a line that drkit did not write.") from None
    if fault := _fault(member) or ("" if format_line(member) == line else "is not spelled as drkit spells it"):
        raise IntegrityError(f"The index entry {printable(member.path)!r} {fault}.")
    return member


def _fault(member: Member) -> str:
    """What is wrong with these values, or nothing."""
    for field in ("size", "mtime_ns", "uid", "gid", "mode"):
        if type(getattr(member, field)) is not int:
            return f"has no number as its {field}"
    for field, limit in _LIMITS.items():
        if not 0 <= getattr(member, field) < limit:
            return f"has an impossible {field}"
    if not -(2**63) <= member.mtime_ns < 2**63:
        return "has an impossible mtime_ns"
    if not (is_below(member.path) or (member.path == ROOT and member.type == "folder")):
        return "has a path that is not plainly below the folder"
    return _fault_of_type(member)


def _fault_of_type(member: Member) -> str:
    plain = not (member.size or member.sha256 or member.data is not None)
    sound = {
        "file": not member.target and _DIGEST.fullmatch(member.sha256) and _ordered(member),
        "folder": plain and not member.target,
        "symlink": plain and member.target and "\0" not in member.target,
        "hardlink": plain and is_below(member.target),
    }
    if member.type not in sound:
        return f"is of an unknown type, {printable(str(member.type))!r}"
    return "" if sound[member.type] else f"has values that no {member.type} has"


def _ordered(member: Member) -> bool:
    """Whether a sparse file's runs of data are numbers, in order, apart, and inside the file."""
    end = 0
    for offset, length in member.data or ():
        if type(offset) is not int or type(length) is not int or offset < end or length <= 0:
            return False
        end = offset + length
    return end <= member.size
