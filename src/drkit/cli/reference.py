"""A value that an option names by reference, as it may hold a secret: `env:NAME`, or `file:path`."""

import os
from pathlib import Path

from drkit.errors import UsageError


def read_reference(option: str, reference: str, what: str) -> str:
    """Of what `is_reference` says so. `what` it leads to is said in the hint."""
    kind, _, rest = reference.partition(":")
    if kind == "env":
        if value := os.environ.get(rest):
            return value
        raise UsageError(f"{option} {reference}: {rest} is not set", f"set the environment variable {rest} to {what}")
    try:
        return Path(rest).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {reference} cannot be read as text", "look whether it is the right file") from error
