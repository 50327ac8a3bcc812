"""Identity files: one identity a line, in the clear or behind a passphrase, as `age` itself reads and writes them.

It must not know where the file lies or how the passphrase is asked for.
"""

from collections.abc import Callable

from drkit.age.armor import BEGIN, armor, dearmor
from drkit.age.files import decrypt, encrypt
from drkit.age.header import INTRO
from drkit.age.keys import Identity, parse_identity
from drkit.age.passphrase import Passphrase
from drkit.errors import ConfigError, WrongKey

_HINT = "An identity file has lines that begin with AGE-SECRET-KEY-1, and comments that begin with #."


def parse_identities(content: bytes, passphrase: Callable[[], str]) -> list[Identity]:
    """`passphrase` is asked only if the content is itself an age file, armored or not."""
    if not is_locked(content):
        return _parse(content)
    armored = _is_armored(content)
    sealed = iter((content,))
    try:
        return _parse(b"".join(decrypt(dearmor(sealed) if armored else sealed, [Passphrase(passphrase())])))
    except WrongKey:
        raise WrongKey(
            "The passphrase does not open the identity file.", hint="Try again; mind the keyboard."
        ) from None


def is_locked(content: bytes) -> bool:
    """Whether it is an age file itself, armored or not."""
    return _is_armored(content) or content.startswith(INTRO)


def _is_armored(content: bytes) -> bool:
    return content.lstrip().startswith(BEGIN)


def lock_identities(text: bytes, passphrase: str) -> bytes:
    """An armored age file that opens with the passphrase. What is no identity file is refused, not locked away."""
    _parse(text)
    if not passphrase:
        raise ConfigError("An empty passphrase protects nothing.", hint="Choose several random words.")
    return b"".join(armor(encrypt(iter((text,)), [Passphrase(passphrase)])))


def _parse(content: bytes) -> list[Identity]:
    try:
        lines = [line.strip() for line in content.decode().splitlines()]
    except UnicodeDecodeError:
        raise ConfigError("The identity file is not text.", _HINT) from None
    identities = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        try:
            identities.append(parse_identity(line))
        except ConfigError as error:
            raise ConfigError(f"Line {number} of the identity file cannot be used. {error}", error.hint) from None
    if not identities:
        raise ConfigError("The identity file holds no identity.", _HINT)
    return identities
