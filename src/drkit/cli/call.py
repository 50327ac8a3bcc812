"""One invocation of the command line: its console, and the configuration it names, loaded when a command needs it."""

import sys
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from drkit.cli.console import Console
from drkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drkit.config import System
    from drkit.wiring import Source


@dataclass(frozen=True, slots=True)
class Call:
    console: Console
    config: Path

    def systems(self) -> "list[System]":
        from drkit.config import load_systems

        return load_systems(self.config)

    def select(self, names: "Sequence[str] | None") -> "list[Source]":
        from drkit.wiring import select

        return select(self.systems(), names or [])

    def select_one(self, name: str | None) -> "Source":
        from drkit.wiring import select_one

        return select_one(self.systems(), name)


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
