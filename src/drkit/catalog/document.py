"""Signed documents of the format that this drkit reads. It must not know what they say."""

from collections.abc import Collection

from drkit.catalog.keys import FORMAT
from drkit.errors import UnknownFormat
from drkit.signing import Signer, check_document


def read_document(key: str, content: bytes, signers: Collection[Signer]) -> dict[str, object]:
    document = check_document(signers, key, content)
    found = document.get("drkit")
    if type(found) is not int or found != FORMAT:  # true is 1 in Python, and no number in JSON
        raise UnknownFormat(
            f"{key} is written in format {found!r}, and this drkit reads format {FORMAT}",
            "a newer drkit wrote it: read it with that one",
        )
    return document
