"""A schedule's text as each namespace gets it: the backups' without any identity, the drills' with one.

The text is kept as it was written, comments too, and read again: what was to stay has stayed.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from drkit.errors import ConfigError

IDENTITY = "file:/run/secrets/drkit/identity"  # where the schedule does not say
_HEADER = re.compile(r"\s*\[\s*([\w\"'. -]+?)\s*\]\s*(?:#.*)?")
_LINE = re.compile(r"\s*(?:#\s*)?[\"']?(?:escrow_)?identity[\"']?\s*=.*")


def without_identity(file: str, text: str) -> str:
    """The escrow identity lies elsewhere, or it would be none: it goes into no cluster."""
    return _checked(file, text, "\n".join(line for line, _ in _kept(text)) + "\n", ())


def with_identity(file: str, text: str, references: tuple[str, ...]) -> str:
    lines = []
    for line, opens in _kept(text):
        lines.append(line)
        if opens:
            lines.append(f"identity = {_spelled(references)}")
    return _checked(file, text, "\n".join(lines) + "\n", references)


def _spelled(references: tuple[str, ...]) -> str:
    """One of them as a text, several as a list, as a person would write them."""
    quoted = [f'"{each}"' for each in references]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _kept(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it opens the table of keys."""
    table = ""
    for line in text.splitlines():
        header = _HEADER.fullmatch(line)
        table = header[1].strip("\"'") if header else table
        if table != "encryption" or not _LINE.fullmatch(line):
            yield line, bool(header) and table == "encryption"


def _checked(file: str, text: str, made: str, references: tuple[str, ...]) -> str:
    wanted: dict[str, Any] = tomllib.loads(text)
    keys = wanted["encryption"]
    for name in ("identity", "escrow_identity"):
        keys.pop(name, None)
    if references:
        keys["identity"] = references[0] if len(references) == 1 else list(references)
    try:
        found: dict[str, Any] | None = tomllib.loads(made)
    except tomllib.TOMLDecodeError:
        found = None
    if found != wanted:
        raise ConfigError(
            f"{file}: the identity cannot be told from the rest of the file",
            'give it a line of its own below [encryption]: identity = "file:/run/secrets/drkit/identity"',
        )
    return made
