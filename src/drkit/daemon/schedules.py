"""The schedules that are in force: a copy of the last ones that could be loaded, which the daemon's children read.

New ones that are wrong change nothing but what is told. It must not know what is planned by them.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

from drkit.config import System, load_systems
from drkit.config.permissions import refuse_writable
from drkit.disk.private import private_folder
from drkit.errors import ConfigError

_Signature = frozenset[tuple[str, int, int, int]]


@dataclass(slots=True)
class Schedules:
    """`error` says why what lies in `folder` now is not what is in force."""

    folder: Path
    copies: Path
    systems: tuple[System, ...] = ()
    error: str = ""
    _seen: _Signature = frozenset()
    _copy: Path = field(default_factory=Path)
    _number: int = 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """That lead a child to them."""
        return ("--config", str(self._copy), "--relative-to", str(self.folder.absolute()))

    def changed(self) -> bool:
        return self._sign() != self._seen

    def load(self) -> bool:
        """Whether what lies there now is in force. A file that is written at this moment is read again by the next."""
        self._seen = self._sign()
        try:
            copy = self._copy_all()
            systems = load_systems(copy, home=self.folder.absolute())
        except (ConfigError, OSError) as error:
            self.error = str(error).replace(str(self.copies), str(self.folder))
            return False
        old, self._copy, self.systems, self.error = self._copy, copy, tuple(systems), ""
        self._forget(keep={old, copy})
        return True

    def _copy_all(self) -> Path:
        if not self.folder.is_dir():
            raise ConfigError(f"there is no folder {self.folder}", "`drkit init` makes one")
        refuse_writable(self.folder)
        files = sorted(self.folder.glob("*.toml"))
        if not files:
            raise ConfigError(f"{self.folder} holds no .toml file", "`drkit init` writes one")
        self._number += 1
        copy = self.copies / str(self._number)
        copy.mkdir(mode=0o700)
        for file in files:
            refuse_writable(file)
            shutil.copyfile(file, copy / file.name)
        return copy

    def _forget(self, keep: set[Path]) -> None:
        """A child that has just begun may still read the one before."""
        for copy in self.copies.iterdir():
            if copy not in keep:
                shutil.rmtree(copy, ignore_errors=True)

    def _sign(self) -> _Signature:
        found = set()
        for file in self.folder.glob("*.toml"):
            with suppress(OSError):
                stat = file.stat()
                found.add((file.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return frozenset(found)


@contextmanager
def open_schedules(folder: Path) -> Iterator[Schedules]:
    """ConfigError if there is nothing to begin with."""
    with private_folder(Path(gettempdir()), "drkit-schedules-", shutil.rmtree) as copies:
        schedules = Schedules(folder, copies)
        if not schedules.load():
            raise ConfigError(schedules.error, "`drkit check` says more")
        yield schedules
