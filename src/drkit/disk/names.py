"""File names as text and as bytes. A name on Linux is any bytes without `/` and NUL, and most are UTF-8:
as text, each other byte becomes a lone surrogate, whatever the locale says, so nothing is lost either way.
"""

import os
import re

ROOT = "."

_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def to_text(name: str | bytes) -> str:
    """Takes what `os` gave, in the encoding of this process."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def split(path: str) -> tuple[str, str]:
    """The folder and the last name; the folder of a first-level name is the empty text."""
    folder, _, name = path.rpartition("/")
    return folder, name


def is_below(path: str) -> bool:
    """Whether this is a plain name below a folder: relative, without empty, `.` or `..` steps."""
    return "\0" not in path and all(step not in ("", ".", "..") for step in path.split("/"))


def printable(path: str) -> str:
    """For a message: one line, no control characters, not longer than a terminal is wide."""
    shown = _ODD.sub(lambda odd: ascii(odd[0])[1:-1], path)
    return shown if len(shown) <= 120 else f"{shown[:50]}…{shown[-60:]}"
