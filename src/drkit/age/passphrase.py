"""A passphrase as a key, by way of scrypt. It must not know where the passphrase comes from."""

import re
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from drkit.age.filekey import WRAPPED, unwrap, wrap
from drkit.age.header import Stanza, decode64, encode64, malformed

_PURPOSE = b"age-encryption.org/v1/scrypt"
_WORK = 18
# 2^20 takes a gibibyte of memory and some seconds; a hostile header would ask for more.
_WORK_LIMIT = 20


@dataclass(frozen=True, slots=True, repr=False)
class Passphrase:
    """Both who encrypts and who opens. Its stanza stands alone in a header."""

    text: str

    def __repr__(self) -> str:
        return "Passphrase(…)"

    def wrap(self, file_key: bytes) -> Stanza:
        salt = secrets.token_bytes(16)
        return Stanza("scrypt", (encode64(salt), str(_WORK)), wrap(self._stretch(salt, _WORK), file_key))

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """None if the stanza is of another kind or made with another passphrase."""
        if stanza.type != "scrypt":
            return None
        try:
            salt_text, work_text = stanza.args
            salt = decode64(salt_text)
        except ValueError:
            raise malformed("the scrypt stanza has no proper salt and work factor") from None
        if len(salt) != 16 or len(stanza.body) != WRAPPED:
            raise malformed("the scrypt stanza is of the wrong length")
        if not re.fullmatch("[1-9][0-9]?", work_text) or int(work_text) > _WORK_LIMIT:
            raise malformed(f"the scrypt work factor is not a number from 1 to {_WORK_LIMIT}")
        return unwrap(self._stretch(salt, int(work_text)), stanza.body)

    def _stretch(self, salt: bytes, work: int) -> bytes:
        return Scrypt(salt=_PURPOSE + salt, length=32, n=1 << work, r=8, p=1).derive(self.text.encode())
