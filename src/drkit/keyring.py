"""The keys that a schedule names, read and parsed: each host has those that its part needs, and looks for no others."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from drkit.age import Identity, Recipient, parse_identities, parse_recipient
from drkit.config import System
from drkit.errors import ConfigError, WrongKey
from drkit.sealing import Keyring, Seal
from drkit.signing import Signer, SigningKey, parse_signer, parse_signing_key

Ask = Callable[[], str]


def open_seal(system: System) -> Seal:
    """What a backup host needs; the identity is neither needed nor looked for."""
    return Seal(open_recipients(system), open_accepted_key(system, "a backup"))


def open_accepted_key(system: System, what: str) -> SigningKey:
    """The signing key, if what it signs will be believed."""
    signing_key = open_signing_key(system, what)
    if signing_key.signer() not in open_signers(system):
        raise ConfigError(
            f"{system.file}: encryption.signers lacks {signing_key.signer()}: nobody would accept {what} signed by it",
            "add the content of the `signer` file beside the signing key to encryption.signers",
        )
    return signing_key


def open_signing_key(system: System, what: str = "a backup") -> SigningKey:
    reference = system.table.encryption.signing_key
    if reference is None:
        raise ConfigError(
            f"{system.file}: encryption.signing_key is missing, and {what} is signed with it",
            "point to the backup host's key, or make one by `drkit keys new --out DIR` and add its signer to signers",
        )
    with system.naming("encryption.signing_key"):
        return parse_signing_key(system.resolve(reference, private=True))


def open_recipients(system: System) -> tuple[Recipient, ...]:
    with system.naming("encryption.recipients"):
        return tuple(parse_recipient(system.resolve(each)) for each in system.table.encryption.recipients)


def known_recipients(system: System) -> frozenset[str] | None:
    """Whom points may be encrypted to, as far as this schedule knows: public halves only, so that it can be asked on
    any host. None where one of them cannot be read here: then nobody here can tell."""
    table = system.table.encryption
    return _read_recipients(system, (*table.recipients, *table.former_recipients))


def current_recipients(system: System) -> frozenset[str]:
    """Whom points are encrypted to now; none where one of them cannot be read here."""
    return _read_recipients(system, system.table.encryption.recipients) or frozenset()


def _read_recipients(system: System, texts: Iterable[str]) -> frozenset[str] | None:
    try:
        return frozenset(str(parse_recipient(system.resolve(each))) for each in texts)
    except ConfigError:
        return None


def open_signers(system: System) -> frozenset[Signer]:
    with system.naming("encryption.signers"):
        return frozenset(parse_signer(system.resolve(each)) for each in system.table.encryption.signers)


def open_keyring(system: System, passphrase: Ask, *, escrow: bool = False) -> Keyring:
    """What a restoring host needs; `passphrase` is asked for only when the identity is locked by one. With `escrow` it
    is the identity that lies elsewhere, for the day when this region is lost."""
    table = system.table.encryption
    key = "escrow_identity" if escrow else "identity"
    references = table.escrow_identity if escrow else table.identity
    if not references:
        raise ConfigError(
            f"{system.file}: encryption.{key} is missing, and nothing can be opened without it",
            f'fetch it from where it is kept, and point to it: {key} = "file:/path/to/identity"',
        )
    with system.naming(f"encryption.{key}"):
        identities = [
            each for one in references for each in parse_identities(system.read(one, private=True), passphrase)
        ]
    return Keyring(tuple(identities), open_signers(system))


def open_outlook(system: System) -> Keyring:
    """For who looks at what is there, such as histories of timelines: what a backup host can open by itself; elsewhere
    the identity, where it stands unlocked. Either may be missing, and a backup host never looks for an identity."""

    def locked() -> str:
        raise ConfigError("the identity is locked by a passphrase")

    identities: list[Identity] = []
    if system.table.encryption.signing_key is None:
        with suppress(ConfigError, WrongKey):
            identities += open_keyring(system, locked).identities
    with suppress(ConfigError):
        identities.append(Seal((), open_signing_key(system)).own_identity)
    return Keyring(tuple(identities), open_signers(system))
