"""`drkit keys new`, `drkit keys rotate` and `drkit keys show`."""

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
def rotate(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the new files.")],
    names: Annotated[list[str] | None, typer.Argument(metavar="[SYSTEM]...", help="All systems, if none.")] = None,
    replace: Annotated[
        str | None, typer.Option(metavar="RECIPIENT", help="The recipient that is replaced, if there are several.")
    ] = None,
    signing: Annotated[bool, typer.Option("--signing", help="Make a new signing key, too.")] = False,
    escrow: Annotated[bool, typer.Option("--escrow", help="The new identity is the escrow's.")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="The old identity is lost: name it no more.")] = False,
    passphrase: Annotated[
        bool | None, typer.Option("--passphrase/--no-passphrase", help="Lock the new identity: as the old one is.")
    ] = None,
) -> int:
    """New keys from now on: make them, and put them into the schedules in the place of the old ones.

    What was captured before stays as it is, and opens with the old identity alone: keep that. The old schedule is kept
    beside the new one; one that cannot surely be changed is left alone, and its new lines are shown.

    Examples:  drkit keys rotate --out ./keys-2027  |  drkit keys rotate shop --signing --out ./keys-2027
    """
    from drkit.cli.rotating import change_schedules, is_locked, next_steps
    from drkit.keyfiles import write_keys
    from drkit.rotation import choose_recipient, plan_rotation

    call: Call = context.obj
    systems = [each for each in call.systems(names or ()) if not names or each.name in names]
    if unknown := set(names or ()) - {each.name for each in systems}:
        raise UsageError(f"no system is called {min(unknown)!r}", "keys belong to whole systems; leave out sources")
    chosen = [choose_recipient(each, replace) for each in systems]
    locked = any(is_locked(each, escrow) for each in systems) if passphrase is None else passphrase
    public = write_keys(out, _new_passphrase if locked else None, signing)
    rotations = [
        plan_rotation(each, number, old, public, out, escrow, lost)
        for each, (number, old) in zip(systems, chosen, strict=True)
    ]
    changed = change_schedules(call, rotations)
    text = "\n".join(next_steps(out, public, changed, lost))
    call.console.answer({"folder": str(out), **public, "schedules": [each.document for each in changed]}, text)
    return next((each.exit_code for each in changed if each.exit_code), 0)


@app.command()
def show(context: typer.Context) -> None:
    """The public keys of the configuration, and which private ones are at hand.

    Examples:  drkit keys show  |  drkit keys show --json
    """
    from drkit.keyring import known_recipients, open_recipients, open_signers

    call: Call = context.obj
    found: list[dict[str, Any]] = []
    lines: list[str] = []
    for system in call.systems():
        table = system.table.encryption
        recipients = [str(each) for each in open_recipients(system)]
        signers = sorted(str(each) for each in open_signers(system))
        former = sorted(known_recipients(system) or set()) if table.former_recipients else []
        former = [each for each in former if each not in recipients]
        private = {"identity": ", ".join(table.identity) or None, "signing_key": table.signing_key}
        found.append(
            {"system": system.name, "recipients": recipients, "former_recipients": former, "signers": signers} | private
        )
        lines += [f"{system.name}: recipient: {each}" for each in recipients]
        lines += [f"{system.name}: former recipient: {each}" for each in former]
        lines += [f"{system.name}: signer: {each}" for each in signers]
        lines += [f"{system.name}: {name}: {value or 'none here'}" for name, value in private.items()]
    call.console.answer({"keys": found}, "\n".join(lines))


def _new_passphrase() -> str:
    first = getpass("new passphrase: ")
    if first != getpass("once more: "):
        raise UsageError("the two passphrases differ", "nothing was written; try again")
    return first
