"""age's ASCII armor, strict in both directions. It must not know what is inside."""

import base64
from collections.abc import Iterator

from drkit.errors import IntegrityError

BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
END = b"-----END AGE ENCRYPTED FILE-----"

_LINE = 64
_LINE_BYTES = 48
# The longest line that can be right is the first one, or blanks around the armor.
_LIMIT = 1024


def armor(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield BEGIN + b"\n"
    kept = b""
    for chunk in chunks:
        kept += chunk
        whole = len(kept) - len(kept) % _LINE_BYTES
        yield _lines(kept[:whole])
        kept = kept[whole:]
    yield _lines(kept) + END + b"\n"


def dearmor(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Blanks may stand before and after, lines may end with LF or CRLF; all else has one spelling."""
    lines = _split(chunks)
    for line in lines:
        if line == BEGIN:
            break
        if line.strip():
            raise _malformed("it does not begin with its first line")
    else:
        raise _malformed("it has no first line")
    short = False
    for line in lines:
        if line == END:
            break
        if short or not 0 < len(line) <= _LINE:
            raise _malformed("a line is too long or too short")
        content = _decode(line)
        short = len(content) < _LINE_BYTES
        yield content
    else:
        raise _malformed("it has no last line")
    for line in lines:
        if line.strip():
            raise _malformed("something follows its last line")


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    kept = b""
    for chunk in chunks:
        *lines, kept = (kept + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
        if len(kept) > _LIMIT:
            raise _malformed("a line does not end")
    yield kept.removesuffix(b"\r")


def _lines(content: bytes) -> bytes:
    return b"".join(
        base64.b64encode(content[at : at + _LINE_BYTES]) + b"\n" for at in range(0, len(content), _LINE_BYTES)
    )


def _decode(line: bytes) -> bytes:
    try:
        content = base64.b64decode(line, validate=True)
    except ValueError:
        raise _malformed("a line is not base64") from None
    if base64.b64encode(content) != line:
        raise _malformed("a line is not canonical base64")
    return content


def _malformed(what: str) -> IntegrityError:
    return IntegrityError(f"The age armor is malformed: {what}.", hint="The file was damaged or edited.")
