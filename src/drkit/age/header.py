"""The textual header of an age file: stanzas, their one canonical spelling, and the MAC over them.

It must not know how any kind of stanza wraps a file key.
"""

import base64
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from drkit.age.filekey import derive
from drkit.errors import IntegrityError

INTRO = b"age-encryption.org/v1\n"
LIMIT = 1 << 20

_STANZA = re.compile(r"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63})\n")
_MAC = re.compile(r"--- ([A-Za-z0-9+/]{43})\n")
_LAST_LINE = re.compile(rb"\n---[^\n]*\n")


@dataclass(frozen=True, slots=True)
class Stanza:
    type: str
    args: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Header:
    stanzas: tuple[Stanza, ...]
    mac: bytes


def malformed(what: str) -> IntegrityError:
    return IntegrityError(f"The age header is malformed: {what}.", hint="The file is damaged, or it is no age v1 file.")


def encode64(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")


def decode64(text: str) -> bytes:
    """Unpadded base64 in its one canonical spelling, or a ValueError."""
    content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if encode64(content) != text:
        raise ValueError("not canonical base64")
    return content


def format_stanzas(stanzas: tuple[Stanza, ...]) -> bytes:
    """Byte for byte what stands in the header: parsing accepts no other spelling."""
    lines: list[str] = []
    for stanza in stanzas:
        body = encode64(stanza.body)
        lines.append(" ".join(("->", stanza.type, *stanza.args)))
        lines += [body[at : at + 64] for at in range(0, len(body) + 1, 64)]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def format_header(stanzas: tuple[Stanza, ...], file_key: bytes) -> bytes:
    signed = INTRO + format_stanzas(stanzas) + b"---"
    return signed + b" " + encode64(_mac(signed, file_key)).encode() + b"\n"


def check_mac(header: Header, file_key: bytes) -> None:
    expected = _mac(INTRO + format_stanzas(header.stanzas) + b"---", file_key)
    if not hmac.compare_digest(expected, header.mac):
        raise IntegrityError(
            "The age header does not match its MAC.", hint="It was changed after it was written; use another copy."
        )


def split_header(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The header's bytes, and all that follow it. Pulls no more than it needs, and LIMIT bytes at most."""
    head = bytearray()
    for chunk in chunks:
        newest_line = head.rfind(b"\n") if head else 0
        head += chunk
        if not (head.startswith(INTRO) or INTRO.startswith(head)):
            raise malformed("it does not begin with age-encryption.org/v1")
        if end := _LAST_LINE.search(head, max(newest_line, 0), LIMIT):
            return bytes(head[: end.end()]), chain((bytes(memoryview(head)[end.end() :]),), chunks)
        if len(head) > LIMIT:
            raise malformed(f"it does not end within {LIMIT} bytes")
    raise malformed("it is cut short")


def parse_header(content: bytes) -> Header:
    try:
        text = content.decode("ascii")
        at, stanzas = len(INTRO), []
        while found := _STANZA.match(text, at):
            kind, *args = found[1].split(" ")
            stanzas.append(Stanza(kind, tuple(args), decode64(found[2].replace("\n", ""))))
            at = found.end()
        mac = _MAC.fullmatch(text, at)
        if not stanzas or not mac:
            raise malformed(f"line {text.count(chr(10), 0, at) + 1} is not what should stand there")
        return Header(tuple(stanzas), decode64(mac[1]))
    except ValueError:
        raise malformed("it is not canonical") from None


def _mac(signed: bytes, file_key: bytes) -> bytes:
    return hmac.digest(derive(file_key, b"", b"header"), signed, "sha256")
