"""How a key may look, the same for every store. It must not know what the keys mean."""

import re

from drkit.errors import StoreError

RESERVED = ".incoming"
_PART = re.compile(r"(?!\.\.?$)[A-Za-z0-9._+=@-]{1,200}")
_LONGEST = 800  # S3 ends at 1,024 bytes, and the store's own prefix needs room too


def is_part(name: str) -> bool:
    return _PART.fullmatch(name) is not None


def is_key(text: str) -> bool:
    parts = text.split("/")
    return len(text) <= _LONGEST and parts[0] != RESERVED and all(map(is_part, parts))


def check_key(key: str) -> None:
    """Refuse what some store could not keep, or could be led astray by."""
    if not is_key(key):
        raise StoreError(
            f"{key[:200]!r} cannot be a key in a store.",
            hint="Use letters, digits and . _ + = @ - in parts joined by /; a part is not empty, not . or .., "
            f"and the first one is not {RESERVED}.",
        )
