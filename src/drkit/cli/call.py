"""One invocation of the command line: its console, and the configuration it names, loaded when a command needs it."""

import re
import sys
from dataclasses import dataclass
from datetime import datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from drkit.cli.console import Console
from drkit.errors import ConfigError, DrkitError, UsageError
from drkit.when import format_moment, parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drkit.config import System
    from drkit.wiring import Source

T = TypeVar("T")
_SLOT = re.compile(r"(\S+)\.([1-9]\d?)")


@dataclass(frozen=True, slots=True)
class Slot:
    """When a planned run was due, and how often it was tried with this one."""

    due: datetime
    attempt: int

    def __str__(self) -> str:
        return f"{format_moment(self.due)}.{self.attempt}"


def parse_slot(text: str) -> Slot:
    match = _SLOT.fullmatch(text)
    if not match:
        raise UsageError(f"--slot {text} is none", "write the moment when the run was due, a dot, and the attempt")
    return Slot(parse_moment(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Call:
    console: Console
    config: Path
    relative_to: Path | None = None
    slot: Slot | None = None

    def systems(self, names: "Sequence[str]" = ()) -> "list[System]":
        from drkit.config import load_systems

        return load_systems(self.config, names, self.relative_to)

    def select(self, names: "Sequence[str] | None") -> "list[Source]":
        from drkit.wiring import select

        return select(self.systems(names or ()), names or [])

    def select_one(self, name: str | None) -> "Source":
        from drkit.wiring import select_one

        return select_one(self.systems([name] if name else ()), name)


@dataclass(frozen=True, slots=True)
class Failed:
    """The sources that a command could not work on. The first one's exit code is the command's."""

    document: "list[dict[str, str]]"
    exit_code: int

    @property
    def told(self) -> "dict[str, list[dict[str, str]]]":
        """A member of a document that has one only when something failed."""
        return {"failed": self.document} if self.document else {}

    def __add__(self, other: "Failed") -> "Failed":
        return Failed([*self.document, *other.document], self.exit_code or other.exit_code)


def each_source(
    call: Call, sources: "Sequence[Source]", work: "Callable[[Source], T]"
) -> "tuple[list[tuple[Source, T]], Failed]":
    """What fails for one source is told, and does not keep the others from being worked on."""
    done: list[tuple[Source, T]] = []
    failed: list[tuple[Source, DrkitError]] = []
    for source in sources:
        try:
            done.append((source, work(source)))
        except DrkitError as error:
            failed.append((source, error))
        except Exception as error:  # noqa: BLE001  an edge: one source's bug must not stop the others' backups
            failed.append((source, DrkitError(f"this is a bug: {type(error).__name__}: {error}", "please report it")))
        else:
            continue
        call.console.fail(failed[-1][1])
    problems = [{"source": source.name, "error": str(error), "hint": error.hint} for source, error in failed]
    return done, Failed(problems, failed[0][1].exit_code if failed else 0)


def ask_passphrase() -> str:
    from drkit.config.settings import Settings

    if given := Settings().passphrase:
        return given.get_secret_value()
    if not sys.stdin.isatty():
        raise ConfigError(
            "the identity is locked by a passphrase, and nobody can be asked for it here",
            "run this on a terminal, or set DRKIT_PASSPHRASE for this command alone",
        )
    return getpass("passphrase of the identity: ")
