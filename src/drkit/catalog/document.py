"""Small objects as somebody may have forged them: documents, signed and of the format that this drkit reads, and notes.

It must not know what they say.
"""

import json
from collections.abc import Collection
from typing import Any

from drkit.catalog.keys import FORMAT
from drkit.errors import UnknownFormat
from drkit.ports import Store
from drkit.signing import Signer, check_document

LARGEST = 16 << 20  # some fifty thousand pieces; parsed it takes twenty times as much memory


def fetch(store: Store, key: str) -> bytes:
    """The object, cut where it is larger than any that drkit writes: then it is no document, and nothing fits it."""
    found = bytearray()
    for chunk in store.get(key):  # without a range: an empty object has none
        found += chunk
        if len(found) >= LARGEST:
            break
    return bytes(found[:LARGEST])


def read_note(store: Store, key: str) -> dict[str, Any]:
    """What nobody has signed. ValueError where it is no note at all."""
    try:
        note = json.loads(fetch(store, key))
    except RecursionError as error:
        raise ValueError("it is nested deeper than any note") from error
    if not isinstance(note, dict):
        raise ValueError("it is no note")  # noqa: TRY004  as for whatever else is none
    return note


def read_document(key: str, content: bytes, signers: Collection[Signer]) -> dict[str, object]:
    document = check_document(signers, key, content)
    found = document.get("drkit")
    if type(found) is not int or found != FORMAT:  # true is 1 in Python, and no number in JSON
        raise UnknownFormat(
            f"{key} is written in format {found!r}, and this drkit reads format {FORMAT}",
            "a newer drkit wrote it: read it with that one",
        )
    return document
