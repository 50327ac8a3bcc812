"""A throw-away server shut into its folder by the kernel's Landlock: what a restored superuser reads, writes, runs and
signals ends there, and so does TCP. No right is needed for it, so it holds in a container too.

Run as a program it shuts itself in and becomes the command that follows. So it knows nothing but Python's own modules.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

# What programs and their libraries are made of, and what the C library looks up; no key lies there.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix")
LOOKED_UP = (
    *(f"/etc/{name}" for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime", "ssl/openssl.cnf")),
    *("/dev/urandom", "/dev/random"),
)
DEVICES = ("/dev/null", "/dev/zero")
UNAVAILABLE = 78  # as sysexits.h has it for a configuration

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every machine
_VERSION, _BENEATH = 1, 1
_NO_NEW_PRIVS = 38  # prctl(2)
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | 1 << 1 | _READ_FILE | 1 << 14 | 1 << 15
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many of them each version knows; newer ones 16
_NET, _SCOPES = 0b11, 0b11  # bind and connect by TCP; abstract sockets and signals
_NET_FROM, _SCOPES_FROM = 4, 6


def enclosing(readable: Iterable[Path], writable: Iterable[Path]) -> tuple[str, ...]:
    """What goes before a command and becomes it."""
    words = [*SYSTEM, *LOOKED_UP, *map(str, readable), "--write", *DEVICES, *map(str, writable), "--"]
    return (sys.executable, "-I", "-S", __file__, *words)


def shut_in(readable: Iterable[str], writable: Iterable[str]) -> None:
    """For this process and all that it becomes and starts. OSError where the kernel cannot."""
    version = _call(_CREATE, None, 0, _VERSION)
    rights = (1 << _RIGHTS.get(version, 16)) - 1
    handled = [rights]
    if version >= _NET_FROM:
        handled.append(_NET)
    if version >= _SCOPES_FROM:
        handled.append(_SCOPES)
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = _call(_CREATE, attributes, len(attributes), 0)
    for paths, allowed in ((readable, _READ), (writable, rights)):
        for path in paths:
            _allow(ruleset, path, allowed, rights)
    if ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    _call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:  # not on this system
        return
    if not os.path.isdir(path):  # noqa: PTH112  pathlib takes longer to load than all the rest
        allowed &= _OF_FILES
    _call(_ADD, ruleset, _BENEATH, struct.pack("=Qi", allowed & rights, place), 0)
    os.close(place)


def _call(number: int, *arguments: int | bytes | None) -> int:
    answer: int = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def main(words: Sequence[str]) -> None:
    end = words.index("--")
    cut = words.index("--write")
    try:
        shut_in(words[:cut], words[cut + 1 : end])
    except OSError:
        sys.exit(UNAVAILABLE)
    os.execvp(words[end + 1], list(words[end + 1 :]))  # noqa: S606  as env and setpriv do


if __name__ == "__main__":
    main(sys.argv[1:])
