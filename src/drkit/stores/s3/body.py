"""The bytes of one answer of the server: all that it announced, or an error.

It must not know what was asked for.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from drkit.errors import StoreUnavailable
from drkit.ports import Chunks
from drkit.stores.s3.errors import our_errors

_CHUNK = 1 << 20


def read_body(answer: Mapping[str, Any], where: str) -> Chunks:
    left = answer["ContentLength"]
    with closing(answer["Body"]) as body:
        while left:
            with our_errors(where):
                chunk = body.read(_CHUNK)
            if not chunk:
                raise StoreUnavailable(f"{where} was cut short by {left} bytes.", hint="Try again in a while.")
            left -= len(chunk)
            yield chunk
