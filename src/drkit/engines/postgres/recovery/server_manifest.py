"""The server's own list of what a base backup holds, as its `backup_manifest` has it: paths, sizes and checksums.

It must not know where the files are.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from drkit.errors import IntegrityError

_LAST = re.compile(rb'(?s)(.*\n)"Manifest-Checksum": "([0-9a-f]{64})"\}\s*')
_HINT = "restore another point, or from another copy"


@dataclass(frozen=True, slots=True)
class Listed:
    size: int
    sha256: str


def parse_manifest(content: bytes) -> Mapping[str, Listed]:
    """Files by their paths below the data folder; bytes of a path that are not UTF-8 stand as lone surrogates."""
    match = _LAST.fullmatch(content)
    if match is None or sha256(match[1]).hexdigest() != match[2].decode():
        raise IntegrityError("the server's manifest of the backup is not whole", _HINT)
    try:
        return dict(map(_read, json.loads(content)["Files"]))
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"the server's manifest of the backup cannot be read: {error!r}", _HINT) from error


def _read(file: Mapping[str, str | int]) -> tuple[str, Listed]:
    if file["Checksum-Algorithm"] != "SHA256":
        raise ValueError(f"a checksum by {file['Checksum-Algorithm']}")
    encoded = file.get("Encoded-Path")
    path = bytes.fromhex(str(encoded)).decode("utf-8", "surrogateescape") if encoded else str(file["Path"])
    return path, Listed(int(file["Size"]), str(file["Checksum"]).lower())
