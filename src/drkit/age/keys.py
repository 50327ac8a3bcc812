"""X25519 recipients and identities: their text forms, and how they wrap and unwrap a file key.

Nothing here may print a secret: not a repr, not an error.
"""

import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from drkit.age import bech32
from drkit.age.filekey import WRAPPED, derive, unwrap, wrap
from drkit.age.header import Stanza, decode64, encode64, malformed
from drkit.errors import ConfigError

_PURPOSE = b"age-encryption.org/v1/X25519"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whoever holds the identity to this can open what is encrypted to it."""

    public: bytes

    def __str__(self) -> str:
        return bech32.encode("age", self.public)

    def wrap(self, file_key: bytes) -> Stanza:
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.public))
        body = wrap(derive(shared, share + self.public, _PURPOSE), file_key)
        return Stanza("X25519", (encode64(share),), body)


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    secret: bytes

    def __repr__(self) -> str:
        return f"Identity(of {self.recipient()})"

    def recipient(self) -> Recipient:
        return Recipient(X25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """None if the stanza is of another kind or for somebody else."""
        if stanza.type != "X25519":
            return None
        share = _share(stanza)
        private = X25519PrivateKey.from_private_bytes(self.secret)
        try:
            shared = private.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            raise malformed("an X25519 stanza holds a point of low order") from None
        return unwrap(derive(shared, share + private.public_key().public_bytes_raw(), _PURPOSE), stanza.body)


def new_identity() -> Identity:
    return Identity(secrets.token_bytes(32))


def format_identity(identity: Identity) -> str:
    return bech32.encode("AGE-SECRET-KEY-", identity.secret)


def parse_identity(text: str) -> Identity:
    return Identity(_parse(text, "AGE-SECRET-KEY-", "an age identity"))


def parse_recipient(text: str) -> Recipient:
    public = _parse(text, "age", "an age recipient")
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise ConfigError(
            "The age recipient is a point of low order, which protects nothing.", hint="Take a key of `drkit keys new`."
        ) from None
    return Recipient(public)


def _share(stanza: Stanza) -> bytes:
    try:
        (text,) = stanza.args
        share = decode64(text)
    except ValueError:
        raise malformed("an X25519 stanza has no proper share") from None
    if len(share) != 32 or len(stanza.body) != WRAPPED:
        raise malformed("an X25519 stanza is of the wrong length")
    return share


def _parse(text: str, prefix: str, what: str) -> bytes:
    # Somebody may have put an identity where a recipient belongs: what was given is never repeated.
    hint = f"It is one line that begins with {prefix}1; `drkit keys new` makes one."
    try:
        found, content = bech32.decode(text.strip())
    except ValueError as error:
        raise ConfigError(f"What was given is not {what}: {error}.", hint) from None
    if found != prefix or len(content) != 32:
        raise ConfigError(f"What was given is a key, but not {what} (X25519).", hint)
    return content
