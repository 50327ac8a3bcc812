"""A whole age file, written and read: the header, then the payload, each by its own module.

It must not know any kind of key but by `wrap` and `unwrap`.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from drkit.age import payload
from drkit.age.filekey import derive, new_file_key
from drkit.age.header import LIMIT, Stanza, check_mac, format_header, malformed, parse_header, split_header
from drkit.age.keys import Identity, Recipient
from drkit.age.passphrase import Passphrase
from drkit.age.payload import Reader
from drkit.errors import ConfigError, WrongKey

Extra = Callable[[tuple[Stanza, ...]], Stanza]
Examine = Callable[[tuple[Stanza, ...]], None]

_NONCE = 16


def encrypt(
    chunks: Iterator[bytes], recipients: Sequence[Recipient | Passphrase], extra: Extra | None = None
) -> Iterator[bytes]:
    """`extra` makes one more stanza from the finished others; it stands last.

    The last chunk is sealed only when `chunks` has ended well: if it raises, what was yielded is no valid file.
    """
    if not recipients:
        raise ConfigError("There is no recipient to encrypt to.", hint="Name at least one in encryption.recipients.")
    file_key = new_file_key()
    stanzas = tuple(recipient.wrap(file_key) for recipient in recipients)
    if extra:
        stanzas += (extra(stanzas),)
    _check_scrypt_is_alone(stanzas)
    nonce = secrets.token_bytes(_NONCE)
    yield format_header(stanzas, file_key) + nonce
    yield from payload.encrypt(derive(file_key, nonce, b"payload"), chunks)


def decrypt(
    chunks: Iterator[bytes], identities: Sequence[Identity | Passphrase], examine: Examine | None = None
) -> Iterator[bytes]:
    """`examine` sees all stanzas before any key is tried and any payload is used, and raises to refuse.

    Nothing is yielded that is not authenticated. What is yielded is whole only when the iterator has ended: until
    then the file may still turn out to be cut short.
    """
    head, rest = split_header(chunks)
    file_key = _open_header(head, identities, examine)
    nonce, rest = _take(rest, _NONCE)
    yield from payload.decrypt(derive(file_key, nonce, b"payload"), rest)


def find_openers(
    chunks: Iterator[bytes], identities: Sequence[Identity], examine: Examine | None = None
) -> list[Identity]:
    """Those that open it, each by itself; only the header is read."""
    head, _ = split_header(chunks)
    return [identity for identity in identities if _opens(head, identity, examine)]


def _opens(head: bytes, identity: Identity, examine: Examine | None) -> bool:
    try:
        return bool(_open_header(head, [identity], examine))
    except WrongKey:
        return False


def examined(chunks: Iterator[bytes], examine: Examine) -> Iterator[bytes]:
    """The same bytes, after `examine` has seen the header's stanzas: no key is needed for that."""
    head, rest = split_header(chunks)
    examine(parse_header(head).stanzas)
    yield head
    yield from rest


def open_random(
    read: Callable[[int, int], bytes],
    size: int,
    identities: Sequence[Identity | Passphrase],
    examine: Examine | None = None,
) -> Reader:
    """`read(start, end)` gives the bytes of the encrypted file, half open; `size` is how many it has."""
    step = 16 * 1024
    head, _ = split_header(read(at, min(at + step, size)) for at in range(0, min(size, LIMIT + step), step))
    file_key = _open_header(head, identities, examine)
    start = len(head) + _NONCE
    nonce, _ = _take(iter((read(len(head), min(start, size)),)), _NONCE)
    return Reader(derive(file_key, nonce, b"payload"), read, start, size)


def _open_header(head: bytes, identities: Sequence[Identity | Passphrase], examine: Examine | None) -> bytes:
    header = parse_header(head)
    _check_scrypt_is_alone(header.stanzas)
    if examine:
        examine(header.stanzas)
    for stanza in header.stanzas:
        for identity in identities:
            if file_key := identity.unwrap(stanza):
                check_mac(header, file_key)
                return file_key
    raise WrongKey(
        f"None of the {len(identities)} identities opens it.",
        hint="Give the identity that belongs to one of the recipients it was encrypted to.",
    )


def _check_scrypt_is_alone(stanzas: tuple[Stanza, ...]) -> None:
    if len(stanzas) > 1 and any(stanza.type == "scrypt" for stanza in stanzas):
        raise malformed("a scrypt stanza does not stand alone")


def _take(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    head = b""
    while len(head) < size:
        chunk = next(chunks, None)
        if chunk is None:
            raise malformed("the file ends right after it")
        head += chunk
    return head[:size], chain((head[size:],), chunks)
