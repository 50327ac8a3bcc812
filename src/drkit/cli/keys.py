"""`drkit keys new` and `drkit keys show`."""

from getpass import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from drkit.cli.call import Call
from drkit.errors import UsageError

app = typer.Typer(help="Make keys, and show whose keys a configuration trusts.", no_args_is_help=True)


@app.command()
def new(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the four files.")],
    passphrase: Annotated[bool, typer.Option("--passphrase", help="Ask for one, and lock the identity by it.")] = False,
) -> None:
    """Make an age identity, its recipient, a signing key and its signer.

    Examples:  drkit keys new --out ./keys  |  drkit keys new --out ./escrow --passphrase
    """
    from drkit.keyfiles import write_keys

    call: Call = context.obj
    public = write_keys(out, _new_passphrase if passphrase else None)
    text = f"""made {out}/identity   opens backups: keep it offline, twice; only restores and verification need it
made {out}/recipient  whom backups are encrypted to: {public["recipient"]}
made {out}/signing    signs backups: it stays on the backup host
made {out}/signer     what restores check signatures with: {public["signer"]}
without {out}/identity nobody can open a backup, and nobody can make it again"""
    call.console.answer({"folder": str(out), **public}, text)


@app.command()
def show(context: typer.Context) -> None:
    """The public keys of the configuration, and which private ones are at hand.

    Examples:  drkit keys show  |  drkit keys show --json
    """
    from drkit.wiring import open_recipients, open_signers

    call: Call = context.obj
    found: list[dict[str, Any]] = []
    lines: list[str] = []
    for system in call.systems():
        table = system.table.encryption
        recipients = [str(each) for each in open_recipients(system)]
        signers = sorted(str(each) for each in open_signers(system))
        private = {"identity": table.identity, "signing_key": table.signing_key}
        found.append({"system": system.name, "recipients": recipients, "signers": signers} | private)
        lines += [f"{system.name}: recipient: {each}" for each in recipients]
        lines += [f"{system.name}: signer: {each}" for each in signers]
        lines += [f"{system.name}: {name}: {value or 'none here'}" for name, value in private.items()]
    call.console.answer({"keys": found}, "\n".join(lines))


def _new_passphrase() -> str:
    first = getpass("new passphrase: ")
    if first != getpass("once more: "):
        raise UsageError("the two passphrases differ", "nothing was written; try again")
    return first
