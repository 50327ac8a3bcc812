"""A reader of stored backups, written from docs/FORMAT.md and the age specification alone: nothing of drkit is in it.

What is not as it must be ends in a ValueError, or in the InvalidSignature, InvalidTag or ZstdError of the packages.
"""

import hashlib
import hmac
import json
import re
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, get_frame_info
else:
    from backports.zstd import ZstdDecompressor, get_frame_info

MANIFEST = r"[a-z0-9_-]+/[a-z0-9_-]+/backups/\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}/manifest\.json"
STANZA = rb"->(?P<words>(?: [!-~]+)+)\n(?P<body>(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63}\n)"
HEADER = rb"\A(?P<header>age-encryption\.org/v1\n(?P<stanzas>(?:%b)+)---) (?P<mac>[A-Za-z0-9+/]{43})\n" % STANZA
WRAP = b"age-encryption.org/v1/X25519"
SEALED_CHUNK, LARGEST = (64 << 10) + 16, 16 << 20
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def backups(store: Path) -> list[str]:
    """The keys of all manifests, oldest first for each source."""
    found = (path.relative_to(store).as_posix() for path in store.rglob("manifest.json"))
    return sorted(key for key in found if re.fullmatch(MANIFEST, key))


def read_manifest(store: Path, key: str, signer: str) -> dict[str, Any]:
    stored = (store / key).read_bytes()
    document = json.loads(stored, parse_float=int, parse_constant=int)  # which refuse what they are given
    signature = document.pop("signature", {})
    _must(signature.get("signer") == signer, f"{key} has another signer, or none")
    raw = b64decode(signature["ed25519"])
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    _check_signature(signer, raw, "document", key, canonical)
    whole = {**document, "signature": {"signer": signer, "ed25519": b64encode(raw).decode()}}
    _must(stored == json.dumps(whole, ensure_ascii=False, indent=2).encode() + b"\n", f"{key} is spelled otherwise")
    _must(document["drkit"] == 1, f"{key} is of an unknown version")
    _must(key == f"{document['source']}/backups/{document['id']}/manifest.json", f"{key} belongs elsewhere")
    return dict(document)


def read_piece(store: Path, piece: dict[str, Any], signer: str, identity: str) -> bytes:
    """The content of a piece that a checked manifest lists."""
    key, stored = piece["key"], (store / piece["key"]).read_bytes()
    _must(hashlib.sha256(stored).hexdigest() == piece["sha256"], f"{key} is not what its manifest lists")
    plain = b"".join(_unpack(open_age(stored, key, signer, identity)))
    _must(len(plain) == piece["plain_bytes"], f"{key} opens to another length than its manifest says")
    return plain


def open_age(stored: bytes, key: str, signer: str, identity: str) -> bytes:
    """The payload of the age file that was stored at `key`; its signature is checked before anything is opened."""
    [header] = re.finditer(HEADER, stored)
    *others, last = re.finditer(STANZA, header["stanzas"])
    _must(last["words"].decode() == f" drkit.signature v1 {signer}", f"{key} has another signer, or none")
    _must(all(each["words"].split()[0] != b"drkit.signature" for each in others), f"{key} has two signatures")
    _check_signature(signer, _base64(last["body"]), "stanzas", key, header["stanzas"][: last.start()])
    file_key = _unwrap(others, X25519PrivateKey.from_private_bytes(_bech32(identity.lower(), "age-secret-key-")))
    mac = hmac.digest(_hkdf(file_key, b"", b"header"), header["header"], "sha256")
    _must(hmac.compare_digest(mac, _base64(header["mac"])), f"{key} has a wrong MAC")
    return b"".join(_decrypt(file_key, stored[header.end() :]))


def _unwrap(stanzas: list[re.Match[bytes]], identity: X25519PrivateKey) -> bytes:
    """The file key, from the stanza that is for this identity."""
    for stanza in stanzas:
        kind, *words = stanza["words"].split()
        if kind == b"X25519":
            [share], body = map(_base64, words), _base64(stanza["body"])
            _must(len(body) == 32, "a stanza is malformed")
            shared = identity.exchange(X25519PublicKey.from_public_bytes(share))
            both = share + identity.public_key().public_bytes_raw()
            with suppress(InvalidTag):
                return ChaCha20Poly1305(_hkdf(shared, both, WRAP)).decrypt(bytes(12), body, None)
    raise ValueError("no stanza is for this identity")


def _decrypt(file_key: bytes, payload: bytes) -> Iterator[bytes]:
    opener, sealed = ChaCha20Poly1305(_hkdf(file_key, payload[:16], b"payload")), payload[16:]
    for number, start in enumerate(range(0, max(len(sealed), 1), SEALED_CHUNK)):
        nonce = number.to_bytes(11, "big") + bytes([start + SEALED_CHUNK >= len(sealed)])
        plain = opener.decrypt(nonce, sealed[start : start + SEALED_CHUNK], None)
        _must(number == 0 or len(plain) > 0, "the last chunk is empty")
        yield plain


def _unpack(packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed) or at == 0:
        _must(packed[at : at + 8] == b"\x50\x2a\x4d\x18\x04\x00\x00\x00", "a skippable frame is missing")
        size = int.from_bytes(packed[at + 8 : at + 12], "little")
        frame, at = packed[at + 12 : at + 12 + size], at + 12 + size
        _must(4 < size == len(frame) <= LARGEST, "a frame is cut off or too large")
        _must(frame[:4] == b"\x28\xb5\x2f\xfd" and frame[4] & 4 == 4, "a frame is not a standard one with a checksum")
        length = get_frame_info(frame).decompressed_size
        if length is None or length > LARGEST:
            raise ValueError("a frame's content size is missing or too large")
        opener = ZstdDecompressor()
        plain = opener.decompress(frame, max_length=length + 1)
        _must(len(plain) == length and opener.eof and not opener.unused_data, "a frame is not as long as it says")
        yield plain


def _check_signature(signer: str, signature: bytes, use: str, key: str, content: bytes) -> None:
    message = f"drkit.signature v1 {use}\n{len(key.encode())}:{key}\n".encode() + content
    Ed25519PublicKey.from_public_bytes(_bech32(signer, "drkit")).verify(signature, message)


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def _base64(text: bytes) -> bytes:
    content = b64decode(text.replace(b"\n", b"") + b"==")
    _must(b64encode(content).rstrip(b"=") == text.replace(b"\n", b""), "base64 has one spelling")
    return content


def _bech32(text: str, prefix: str) -> bytes:
    start, _, rest = text.rpartition("1")
    values = [LETTERS.index(letter) for letter in rest]
    check = 1
    for value in [*(ord(letter) >> 5 for letter in start), 0, *(ord(letter) & 31 for letter in start), *values]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= (top >> bit & 1) * term
    number = sum(value << 5 * place for place, value in enumerate(reversed(values[:-6])))
    _must((start, len(values), check, number & 15) == (prefix, 58, 1, 0), f"this is no {prefix} key")
    return (number >> 4).to_bytes(32, "big")


def _must(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)
