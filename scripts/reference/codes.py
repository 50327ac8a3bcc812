"""What drkit ends with: the tree of errors as their own module draws it."""

import re

from drkit import errors
from reference.markdown import code, draw_table, head_of

_LINE = re.compile(r"^[ │├└─]*(\w+) +(\d+)  (.*)$", re.MULTILINE)
_APART = [
    ("0", "all was done", ""),
    ("130", "Ctrl-C or SIGTERM; it stopped cleanly", ""),
]
_MEANINGS = {"DrkitError": "a bug; run it with `-v`, and report it"}


def draw_codes() -> str:
    found = [(number, _MEANINGS.get(name, meaning), code(name)) for name, number, meaning in tree()]
    rows = sorted([*found, *_APART], key=lambda row: int(row[0]))
    return head_of("exit-codes.md") + draw_table(("code", "when", "error"), rows)


def tree() -> list[tuple[str, str, str]]:
    """Each error's name, code and meaning."""
    return [(name, number, meaning.removeprefix("… ")) for name, number, meaning in _LINE.findall(errors.__doc__ or "")]
