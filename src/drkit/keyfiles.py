"""New keys as files. Private ones are 0600, and nothing that exists is overwritten."""

import os
from collections.abc import Callable
from pathlib import Path

from drkit import age, signing
from drkit.errors import UsageError

IDENTITY, RECIPIENT, SIGNING, SIGNER = "identity", "recipient", "signing", "signer"


def write_keys(folder: Path, passphrase: Callable[[], str] | None = None, signing_too: bool = True) -> dict[str, str]:
    """The public halves. With `passphrase` the identity is locked by it, as `age -p` would."""
    names = (IDENTITY, RECIPIENT, SIGNING, SIGNER) if signing_too else (IDENTITY, RECIPIENT)
    taken = [str(folder / name) for name in names if (folder / name).exists()]
    if taken:
        raise UsageError(f"{', '.join(taken)} exists already, and keys are never overwritten", "name a new folder")
    identity = age.new_identity()
    recipient = str(identity.recipient())
    secret = f"# opens what was encrypted to {recipient}\n{age.format_identity(identity)}\n".encode()
    if passphrase:
        secret = age.lock_identities(secret, passphrase())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / IDENTITY, secret, 0o600)
    _write(folder / RECIPIENT, f"{recipient}\n".encode(), 0o644)
    return {RECIPIENT: recipient} | (_write_signing_key(folder) if signing_too else {})


def _write_signing_key(folder: Path) -> dict[str, str]:
    key = signing.new_signing_key()
    signer = str(key.signer())
    _write(folder / SIGNING, f"# its signer is {signer}\n{signing.format_signing_key(key)}\n".encode(), 0o600)
    _write(folder / SIGNER, f"{signer}\n".encode(), 0o644)
    return {SIGNER: signer}


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        path.touch(mode, exist_ok=False)
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name a folder you may write to") from error
