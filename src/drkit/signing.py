"""Ed25519 over what is stored: who wrote an object, and that it still lies under the key it was written to.

It must not know stores, catalogs or what a document says. What exactly is signed stands at `_message`, `sign_stanzas`
and `sign_document`.
"""

import base64
import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from drkit.age import Stanza, bech32, format_stanzas
from drkit.errors import ConfigError, IntegrityError

STANZA = "drkit.signature"
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Signer:
    """The public half: who may have signed."""

    public: bytes

    def __str__(self) -> str:
        return bech32.encode("drkit", self.public)


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    secret: bytes

    def __repr__(self) -> str:
        return f"SigningKey(of {self.signer()})"

    def signer(self) -> Signer:
        return Signer(Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())

    def derive(self, purpose: str) -> bytes:
        """Another secret of 32 bytes, which tells nothing of this one."""
        return HKDF(SHA256(), 32, None, f"drkit {_VERSION} {purpose}".encode()).derive(self.secret)


def new_signing_key() -> SigningKey:
    return SigningKey(secrets.token_bytes(32))


def format_signing_key(key: SigningKey) -> str:
    return bech32.encode("DRKIT-SIGNING-KEY-", key.secret)


def parse_signing_key(text: str) -> SigningKey:
    """`text` may be a key file's: blank lines and lines that begin with # are passed over."""
    return SigningKey(_parse_key(text, "DRKIT-SIGNING-KEY-", "a signing key"))


def parse_signer(text: str) -> Signer:
    """`text` may be a key file's: blank lines and lines that begin with # are passed over."""
    return Signer(_parse_key(text, "drkit", "a signer"))


def sign_stanzas(signing_key: SigningKey, key: str) -> Callable[[tuple[Stanza, ...]], Stanza]:
    """For age.encrypt: `-> drkit.signature v1 SIGNER` with the 64 signature bytes as its body.

    USE is `stanzas`; CONTENT is the other stanzas as they stand in the header, from the first `->` to the last LF.
    They hold the wrapped file key, so the signature vouches for every chunk to all who do not have the file key.
    """

    def sign(stanzas: tuple[Stanza, ...]) -> Stanza:
        signature = _sign(signing_key, "stanzas", key, format_stanzas(stanzas))
        return Stanza(STANZA, (_VERSION, str(signing_key.signer())), signature)

    return sign


def check_stanzas(signers: Collection[Signer], key: str) -> Callable[[tuple[Stanza, ...]], None]:
    """For age.decrypt: refuses what none of `signers` wrote to `key`."""

    def check(stanzas: tuple[Stanza, ...]) -> None:
        signatures = [stanza for stanza in stanzas if stanza.type == STANZA]
        if len(signatures) != 1:
            count = "no signature" if not signatures else "more than one signature"
            raise IntegrityError(
                f"{key} carries {count}.", hint="It was not written by drkit, or it was tampered with."
            )
        [signature] = signatures
        if len(signature.args) != 2 or signature.args[0] != _VERSION:
            raise IntegrityError(
                f"{key} carries a signature of an unknown form.", hint="It was written by a newer drkit, or forged."
            )
        others = tuple(stanza for stanza in stanzas if stanza is not signature)
        _verify(signers, signature.args[1], signature.body, "stanzas", key, format_stanzas(others))

    return check


def sign_document(signing_key: SigningKey, key: str, document: dict[str, object]) -> bytes:
    r"""The JSON to store: the document and a last member `"signature": {"signer": "drkit1…", "ed25519": BASE64}`.

    USE is `document`; CONTENT is the document without `signature` as JSON in UTF-8, its keys sorted by code point,
    without spaces, nothing escaped but `"`, `\` and what is below U+0020 (`\b \f \n \r \t`, all else `\u00xx`).
    It may hold str, int, bool, None, list and dict.
    """
    plain = json.dumps(document, ensure_ascii=False)
    if "signature" in document or _parse_json(plain) != document:
        raise TypeError("a document holds str, int, bool, None, list and dict only, and no signature of its own")
    signature = _sign(signing_key, "document", key, _canonical(document))
    return _render(document, str(signing_key.signer()), signature)


def check_document(signers: Collection[Signer], key: str, content: bytes) -> dict[str, object]:
    """The document without its signature, if one of `signers` wrote it to `key`."""
    try:
        document = _parse_json(content.decode())
        signature = document.pop("signature", None) if isinstance(document, dict) else None
        canonical = _canonical(document)
    # A hostile document can be nested deeper than the parser goes.
    except (ValueError, RecursionError):
        raise IntegrityError(f"{key} is not a document that drkit wrote.", hint=_DAMAGED) from None
    if not isinstance(document, dict) or not isinstance(signature, dict) or signature.keys() != {"signer", "ed25519"}:
        raise IntegrityError(f"{key} carries no signature.", hint=_DAMAGED)
    try:
        raw = base64.b64decode(str(signature["ed25519"]), validate=True)
    except ValueError:
        raise IntegrityError(f"{key} carries a signature that is not base64.", hint=_DAMAGED) from None
    name = str(signature["signer"])
    _verify(signers, name, raw, "document", key, canonical)
    if content != _render(document, name, raw):
        raise IntegrityError(f"{key} is not spelled as drkit spells it.", hint=_DAMAGED)
    return document


_DAMAGED = "It was damaged, or somebody else wrote it; use another copy."


def _message(use: str, key: str, content: bytes) -> bytes:
    """`drkit.signature v1 USE LF LENGTH ":" KEY LF CONTENT`: KEY is the object's key below the store's prefix in UTF-8,
    LENGTH how many bytes that is, in decimal. So no two different (use, key, content) make the same message."""
    name = key.encode()
    return f"drkit.signature {_VERSION} {use}\n{len(name)}:".encode() + name + b"\n" + content


def _sign(signing_key: SigningKey, use: str, key: str, content: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(signing_key.secret).sign(_message(use, key, content))


def _verify(signers: Collection[Signer], name: str, signature: bytes, use: str, key: str, content: bytes) -> None:
    signer = next((signer for signer in signers if str(signer) == name), None)
    if signer is None:
        # The name is not checked yet: whoever wrote it may have put anything there, of any length.
        raise IntegrityError(
            f"{key} is signed by {repr(name)[1:-1][:80]}, who is not an accepted signer.",
            hint="If you know that signer, add it to encryption.signers; otherwise somebody else wrote the object.",
        )
    try:
        Ed25519PublicKey.from_public_bytes(signer.public).verify(signature, _message(use, key, content))
    except InvalidSignature:
        raise IntegrityError(
            f"{key} carries a signature that does not fit it.",
            hint="The object was forged, swapped or renamed; use another copy.",
        ) from None


def _render(document: dict[str, object], signer: str, signature: bytes) -> bytes:
    signed = {"signer": signer, "ed25519": base64.b64encode(signature).decode()}
    return (json.dumps({**document, "signature": signed}, ensure_ascii=False, indent=2) + "\n").encode()


def _canonical(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _parse_json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError("a key stands there twice")
    return members


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is not an integer")


def _parse_key(text: str, prefix: str, what: str) -> bytes:
    # Somebody may have put the private key where the public one belongs: what was given is never repeated.
    hint = f"It is one line that begins with {prefix}1; `drkit keys new` makes one."
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    if len(lines) != 1:
        raise ConfigError(f"What was given has {len(lines)} lines where {what} is one.", hint)
    try:
        found, content = bech32.decode(lines[0])
    except ValueError as error:
        raise ConfigError(f"What was given is not {what}: {error}.", hint) from None
    if found != prefix or len(content) != 32:
        raise ConfigError(f"What was given is a key, but not {what}.", hint)
    return content
