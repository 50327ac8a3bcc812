"""The 16 random bytes that a file's other keys come from: making, wrapping and deriving.

It must not know how a wrapping key is agreed on.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

WRAPPED = 32

# A wrapping key wraps one file key and no more, which is why a fixed nonce is safe.
_NONCE = bytes(12)


def new_file_key() -> bytes:
    return secrets.token_bytes(16)


def derive(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(secret)


def wrap(wrapping_key: bytes, file_key: bytes) -> bytes:
    return ChaCha20Poly1305(wrapping_key).encrypt(_NONCE, file_key, None)


def unwrap(wrapping_key: bytes, wrapped: bytes) -> bytes | None:
    """None if it was wrapped with another key. `wrapped` must be WRAPPED bytes long: with a longer one somebody
    could make a body that opens with two different keys."""
    try:
        return ChaCha20Poly1305(wrapping_key).decrypt(_NONCE, wrapped, None)
    except InvalidTag:
        return None
