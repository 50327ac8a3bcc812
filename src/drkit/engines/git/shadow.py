"""A git directory of our own over the objects of a repository.

It has none of that one's configuration, hooks, grafts or refs: nobody can move a ref, or start a program, under a
capture that reads objects through it.
"""

from pathlib import Path

from drkit.engines.git.program import Git, make_repository
from drkit.engines.git.refs import encode
from drkit.errors import CaptureError
from drkit.streams.process import Family

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def make_shadow(folder: Path, objects: Path, form: str, children: Family) -> Git:
    """`folder` does not exist yet."""
    git = make_repository(folder, children, form, _failure)
    alternates = folder / "objects" / "info" / "alternates"
    alternates.parent.mkdir(exist_ok=True)
    alternates.write_bytes(encode(f'"{str(objects).translate(_ESCAPES)}"\n'))
    return git


def _failure(_: int, words: str) -> CaptureError:
    return CaptureError(
        f"no folder for the capture's own work can be made: {words}", "let `spool`, or TMPDIR, name a folder with room"
    )
