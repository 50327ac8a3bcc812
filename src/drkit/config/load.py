"""schedules/*.toml and the environment, read and judged. A wrong file is a ConfigError that names file, key and remedy.

It must not open a store or a source, and reads a secret only when asked to.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from drkit.config.tables import NAME, SystemTable
from drkit.errors import ConfigError


class Settings(BaseSettings):
    """What the environment may say to every command."""

    model_config = SettingsConfigDict(env_prefix="DRKIT_", extra="ignore")
    passphrase: SecretStr | None = None


class System:
    """One schedules/NAME.toml."""

    def __init__(self, file: Path, table: SystemTable) -> None:
        self.file = file
        self.name = file.stem
        self.table = table

    def resolve(self, value: str) -> str:
        """What a reference (`env:NAME`, `file:/path`) stands for; anything else, URLs too, stands for itself."""
        if not value.startswith(("env:", "file:")) or value.startswith("file://"):
            return value
        try:
            return self.read(value).decode().strip()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.file}: {value} is not text") from error

    def read(self, reference: str) -> bytes:
        kind, _, rest = reference.partition(":")
        if kind == "env":
            if not os.environ.get(rest):
                raise ConfigError(f"{self.file}: {reference} is not set", f"set the environment variable {rest}")
            return os.environb[rest.encode()]
        try:
            return self.path(rest).read_bytes()
        except OSError as error:
            raise ConfigError(f"{self.file}: {reference} cannot be read: {error.strerror}") from error

    def path(self, value: str) -> Path:
        """A path as the file means it: relative ones start from the file's own folder."""
        return (self.file.parent / value).absolute()


def load_system(file: Path) -> System:
    if not NAME.fullmatch(file.stem):
        raise ConfigError(
            f"{file}: a system is named after its file, and {file.stem!r} is not lower-case letters, digits, - and _",
            "rename the file",
        )
    try:
        table = SystemTable.model_validate(tomllib.loads(file.read_text()))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(f"{file}: {_complaint(each)}" for each in error.errors())) from error
    return System(file, table)


def load_systems(folder: Path) -> list[System]:
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", "`drkit init` makes one, or name another by --config DIR")
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ConfigError(f"{folder} holds no .toml file", "`drkit init` writes one")
    return [load_system(file) for file in files]


def _complaint(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"] if part not in ("sqlite", "files"))
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it, or look for a slip of the pen"
    if error["type"] == "missing":
        return f"{key}: missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{key}: {message}" if key else message
