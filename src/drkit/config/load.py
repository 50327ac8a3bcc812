"""schedules/*.toml, read and judged. A wrong file is a ConfigError that names file, key and remedy.

It must not open a store or a source, and reads a secret only when asked to.
"""

import os
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drkit.config.parts import NAME
from drkit.config.permissions import refuse_readable, refuse_replaceable, refuse_writable
from drkit.config.tables import SystemTable
from drkit.config.values import is_reference
from drkit.errors import ConfigError
from drkit.secrecy import remember


class System:
    """One schedules/NAME.toml. `file` is where it belongs, and its relative paths begin, wherever it was read."""

    def __init__(self, file: Path, table: SystemTable) -> None:
        self.file = file
        self.name = file.stem
        self.table = table

    def resolve(self, value: str, *, private: bool = False) -> str:
        """What a reference (`env:NAME`, `file:/path`) stands for; anything else, URLs too, stands for itself."""
        if not is_reference(value):
            return value
        try:
            return self.read(value, private=private).decode().strip()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.file}: {value} is not text", "look whether it is the right file") from error

    def read(self, reference: str, *, private: bool = False) -> bytes:
        """`private` is a key that nobody else may know."""
        kind, _, rest = reference.partition(":")
        if kind == "env":
            if not os.environ.get(rest):
                raise ConfigError(f"{self.file}: {reference} is not set", f"set the environment variable {rest}")
            return _remembered(os.environb[rest.encode()])
        path = self.path(rest)
        try:
            refuse_replaceable(path)
            if private:
                refuse_readable(path)
            return _remembered(path.read_bytes())
        except ConfigError as error:
            raise ConfigError(f"{self.file}: {error}", error.hint) from error
        except OSError as error:
            hint = "bring the file there from where it is kept, or drop the line from a schedule that does not need it"
            raise ConfigError(f"{self.file}: {reference} cannot be read: {error.strerror}", hint) from error

    def path(self, value: str) -> Path:
        """A path as the file means it: relative ones start from the file's own folder."""
        return (self.file.parent / value).absolute()

    @contextmanager
    def naming(self, key: str) -> Iterator[None]:
        """A value behind a reference is read here for the first time: what is wrong with it names file and key."""
        try:
            yield
        except ConfigError as error:
            if str(error).startswith(str(self.file)):
                raise
            raise ConfigError(f"{self.file}: {key}: {error}", error.hint) from error


def _remembered(value: bytes) -> bytes:
    remember(value.decode(errors="replace"))
    return value


def load_system(copy: Path, home: Path | None = None) -> System:
    """With a `home` the file is a copy of one in that folder."""
    file = copy if home is None else home / copy.name
    if not NAME.fullmatch(file.stem):
        raise ConfigError(
            f"{file}: a system is named after its file, and {file.stem!r} is not lower-case letters, digits, - and _",
            "rename the file",
        )
    try:
        refuse_writable(copy)
        table = SystemTable.model_validate(tomllib.loads(copy.read_text("utf-8")))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}", "make it readable for this user") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not text in UTF-8", "save it in that encoding, as TOML must be") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}", "texts need quotes, and a key stands once") from error
    except ValidationError as error:
        raise ConfigError("\n".join(f"{file}: {_complaint(each)}" for each in error.errors())) from error
    return System(file, table)


def load_systems(folder: Path, names: Collection[str] = (), home: Path | None = None) -> list[System]:
    """All of them, or only those that the names mean: one broken file must not stop what has nothing to do with it."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", "`drkit init` makes one, or name another by --config DIR")
    refuse_writable(folder)
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ConfigError(f"{folder} holds no .toml file", "`drkit init` writes one")
    wanted = {name.split("/")[0] for name in names}
    chosen = [file for file in files if file.stem in wanted] or files
    return [load_system(file, home) for file in chosen]


_SAYINGS = {
    "extra_forbidden": "unknown key; remove it, or look for a slip of the pen",
    "missing": "missing; add it, as in the schedule that `drkit init` writes",
    "string_type": "this must be a text; put it in quotes",
    "tuple_type": "this must be a list; put it in brackets",
    "union_tag_not_found": 'kind is missing; say what the source is, such as kind = "sqlite"',
    "union_tag_invalid": "kind is none that drkit knows: it is one of 'postgres', 'sqlite', 'files', 'redis', 'git'",
    "too_short": "this must not be empty; give one at least",
}


def _complaint(error: Any) -> str:
    where = error["loc"]
    if where[:1] == ("sources",):
        where = where[:2] + where[3:]  # the third one is the kind, which pydantic puts there
    key = ".".join(map(str, where))
    message = _SAYINGS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    return f"{key}: {message}" if key else message
