"""New keys in the place of old ones, in a schedule: what changes in it, and the file changed with a copy kept.

It must not make keys, and reads none: the public halves and the names of files are all that it needs.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drkit.config import System
from drkit.config.editing import Values, add_first, add_key, add_last, insist_on, replace_item, set_value, spell
from drkit.disk.replacement import replace_file
from drkit.errors import ConfigError, UsageError
from drkit.keyfiles import IDENTITY, RECIPIENT, SIGNER, SIGNING
from drkit.keyring import open_recipients

_TABLE = "encryption"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What `encryption` of a schedule says afterwards. `replaced` is the recipient that nothing is encrypted to any
    more, and `number` its place in the list."""

    system: System
    number: int
    replaced: str
    values: Values

    @property
    def lines(self) -> list[str]:
        return [f"[{_TABLE}]", *(f"{key} = {spell(value)}" for key, value in self.values.items())]


def choose_recipient(system: System, wanted: str | None) -> tuple[int, str]:
    """Which one is replaced: `wanted`, or the only one. Nobody should rotate away the escrow by accident."""
    found = [str(each) for each in open_recipients(system)]
    if wanted is None and len(found) == 1:
        return 0, found[0]
    texts = system.table.encryption.recipients
    for number, (recipient, text) in enumerate(zip(found, texts, strict=True)):
        if wanted in (recipient, text):
            return number, recipient
    what = f"{wanted} is not one of its recipients" if wanted else f"it has {len(found)} recipients"
    raise UsageError(f"{system.name}: {what}", f"say --replace with one of {', '.join(found)}")


def plan_rotation(
    system: System,
    number: int,
    replaced: str,
    public: Mapping[str, str],
    folder: Path,
    escrow: bool = False,
    lost: bool = False,
) -> Rotation:
    """`public` are the halves of the new keys, whose files are in `folder`. An identity or a signing key is named only
    where one was: the schedule of a host that has none stays without. If the identity of what is replaced is `lost`,
    nobody can open anything by it, and what is not here is named no more."""
    table = system.table.encryption
    recipients = [*table.recipients]
    recipients[number] = public[RECIPIENT]
    values: dict[str, str | list[str]] = {"recipients": recipients}
    if not lost and replaced not in table.former_recipients:
        values["former_recipients"] = [*table.former_recipients, replaced]
    key, references = ("escrow_identity", table.escrow_identity) if escrow else ("identity", table.identity)
    if references:
        kept = [each for each in references if not lost or _is_here(system, each)]
        values[key] = [_refer(system, folder / IDENTITY), *kept]
    if SIGNER in public:
        values["signers"] = [*table.signers, public[SIGNER]]
        if table.signing_key:
            values["signing_key"] = _refer(system, folder / SIGNING)
    return Rotation(system, number, replaced, values)


def rewrite(rotation: Rotation, text: str) -> str:
    """The schedule's text with the rotation in it, or a ConfigError where that cannot be done surely."""
    table, values, new = rotation.system.table.encryption, rotation.values, text
    new = replace_item(new, _TABLE, "recipients", rotation.number, values["recipients"][rotation.number])
    if former := values.get("former_recipients"):
        new = (
            add_last(new, _TABLE, "former_recipients", former[-1])
            if table.former_recipients
            else add_key(new, _TABLE, "recipients", "former_recipients", former)
        )
    for key, references in (("identity", table.identity), ("escrow_identity", table.escrow_identity)):
        if identities := values.get(key):
            whole = len(identities) == len(references) + 1
            new = add_first(new, _TABLE, key, identities[0]) if whole else set_value(new, _TABLE, key, identities)
    if "signers" in values:
        new = add_last(new, _TABLE, "signers", values["signers"][-1])
    if "signing_key" in values:
        new = replace_item(new, _TABLE, "signing_key", 0, str(values["signing_key"]))
    insist_on(text, new, _TABLE, values)
    return new


def change_schedule(rotation: Rotation, now: datetime) -> Path:
    """Where the old schedule is kept, beside the new one."""
    file = rotation.system.file
    if file.is_symlink() or not file.is_file():
        raise ConfigError(f"{file} is not a plain file, and is not changed", "change the file that it is made from")
    kept = file.with_name(f"{file.name}.before-{now:%Y%m%dT%H%M%S.%f}Z")
    try:
        before = file.read_bytes()
        after = rewrite(rotation, before.decode()).encode()
        mode = file.stat().st_mode & 0o777
        with kept.open("xb") as copy:
            os.fchmod(copy.fileno(), mode)
            copy.write(before)
            copy.flush()
            os.fsync(copy.fileno())
        replace_file(file, after, mode)
    except OSError as error:
        raise ConfigError(f"{file} cannot be changed: {error.strerror}", "change it by hand") from error
    return kept


def _is_here(system: System, reference: str) -> bool:
    kind, _, rest = reference.partition(":")
    return bool(os.environ.get(rest)) if kind == "env" else system.path(rest).exists()


def _refer(system: System, path: Path) -> str:
    """As the schedule spells paths: from its own folder."""
    return f"file:{os.path.relpath(path.absolute(), system.file.parent.absolute())}"
