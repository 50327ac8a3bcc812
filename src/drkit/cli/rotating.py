"""What `drkit keys rotate` does to schedules, and the words for what is left to people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drkit.cli.call import Call
from drkit.errors import ConfigError

if TYPE_CHECKING:
    from drkit.config import System
    from drkit.rotation import Rotation


@dataclass(frozen=True, slots=True)
class Changed:
    """One schedule: changed, with the old one kept at `kept`; or left alone, for `error`."""

    rotation: "Rotation"
    kept: Path | None
    error: ConfigError | None

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0

    @property
    def document(self) -> dict[str, Any]:
        return {
            "system": self.rotation.system.name,
            "file": str(self.rotation.system.file),
            "replaced": self.rotation.replaced,
            "changed": self.error is None,
            "kept": str(self.kept) if self.kept else None,
            "lines": self.rotation.lines,
        }


def is_locked(system: "System", escrow: bool) -> bool:
    """Whether an identity that is here is locked by a passphrase: then the new one will be."""
    from drkit.age import is_locked

    table = system.table.encryption
    references = table.escrow_identity if escrow else table.identity
    files = [system.path(each.removeprefix("file:")) for each in references if each.startswith("file:")]
    return any(is_locked(file.read_bytes()) for file in files if file.is_file())


def change_schedules(call: Call, rotations: "Sequence[Rotation]") -> list[Changed]:
    """What cannot be changed is told, and does not keep the others from being changed."""
    changed = []
    for rotation in rotations:
        try:
            changed.append(Changed(rotation, _change(call, rotation), None))
        except ConfigError as error:
            call.console.fail(error)
            changed.append(Changed(rotation, None, error))
    return changed


def _change(call: Call, rotation: "Rotation") -> Path:
    from drkit.rotation import change_schedule
    from drkit.wiring import clock

    if call.relative_to is not None:
        file = rotation.system.file
        raise ConfigError(f"{file} was read from a copy, and is not changed", "change it where it is kept")
    return change_schedule(rotation, clock())


def next_steps(out: Path, public: Mapping[str, str], changed: Sequence[Changed], lost: bool) -> Iterator[str]:
    yield f"made {out}/identity   opens what is captured from now on: keep it offline, twice"
    yield f"made {out}/recipient  whom backups are encrypted to from now on: {public['recipient']}"
    if "signer" in public:
        yield f"made {out}/signing    signs backups from now on: it stays on the backup host"
        yield f"made {out}/signer     what restores check signatures with: {public['signer']}"
    for each in changed:
        file = each.rotation.system.file
        if each.error:
            yield f"NOT changed: {file}. These lines of it must read:"
            yield from (f"    {line}" for line in each.rotation.lines)
        else:
            yield f"changed {file}; the old one is {each.kept}"
    yield from _for_people(out, "signer" in public, changed, lost)


def _for_people(out: Path, signing: bool, changed: Sequence[Changed], lost: bool) -> Iterator[str]:
    names = " ".join(each.rotation.system.name for each in changed)
    yield "now, in this order:"
    yield "1. bring the same change into the schedule of every other host: first where restores and drills run"
    if signing:
        yield f"2. bring {out}/signing to the backup host last, once all others accept its signer"
    else:
        yield f"2. take {out}/identity off this host if backups are made here; a backup host needs none"
    yield f"3. drkit backup now {names}, and then drkit verify now {names}: that proves the new identity"
    if lost:
        yield "what was captured until now opens with another of its recipients' identities, or never: docs/KEYS.md"
        return
    yield "4. keep the old identity: what was captured until now opens with it alone, until prune has removed it"
    yield "if the old identity has leaked, whoever has it reads all that was captured until now: docs/KEYS.md"
