"""A throw-away server of drkit's own for one drill: filled by the very file, reached through a socket in a private
folder, and always removed.

No TCP, no files but its own and no privileges to gain, where the kernel grants that: what a restored function does ends
there. It must not know what is in the file.
"""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drkit.disk.enclosure import enclosing
from drkit.disk.processes import PATIENCE
from drkit.disk.scratch import DATA
from drkit.engines.redis.line import Server
from drkit.engines.redis.programs import Program
from drkit.engines.redis.url import parse_url
from drkit.errors import ConfigError, DrkitError, NotRestorable

FILE = "dump.rdb"
_LONGEST = 103  # bytes of a socket's path, on the strictest system
_PAUSE = 0.02
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "dbfilename": FILE,
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
    "databases": "1024",
    "maxmemory": "0",
    "set-proc-title": "no",  # or what a killed drill left could not be told by its variables
    "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0",
    "loglevel": "warning",
}
_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """`url` is the server's, once it serves."""

    folder: Path
    program: Program
    before: tuple[str, ...]
    user: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.folder / DATA

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def socket(self) -> Path:
        return self.data / "socket"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def __str__(self) -> str:
        shut = "shut into its folder" if self.before and "--write" in self.before else "not shut in by the kernel"
        return f"a throw-away {self.program} in {self.folder}, without TCP, {shut}"

    @property
    def command(self) -> list[str]:
        settings = {**_SETTINGS, "dir": str(self.data), "unixsocket": str(self.socket)}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [*self.before, str(self.program.path), *words]

    @property
    def environment(self) -> dict[str, str]:
        """By the variable what a killed drill left running is found, and ended."""
        return {"PATH": os.defpath, "LC_ALL": "C", "DRKIT_TARGET": self.url}


def lay_out(folder: Path, program: Program) -> Place:
    """Its user passes through the folder, and owns only what it writes to."""
    user = _other_user()
    place = Place(folder, program, (), user)
    if len(os.fsencode(place.socket)) > _LONGEST:
        raise ConfigError(f"{folder} is too long a path for a server's socket", "choose a shorter folder, or TMPDIR")
    place.data.mkdir(0o700)
    if user:
        os.chown(place.data, user.pw_uid, user.pw_gid)
        os.chown(folder, -1, user.pw_gid)
        folder.chmod(0o710)
    return Place(folder, program, _confine(place), user)


@contextmanager
def serving(place: Place) -> Iterator[None]:
    """With what lies in its folder loaded; ended with the block."""
    if place.user:
        os.chown(place.data / FILE, place.user.pw_uid, place.user.pw_gid)
    with place.log.open("wb") as log:
        child = subprocess.Popen(
            place.command,
            cwd=place.data,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await(place, child)
        yield
    finally:
        child.kill()  # nothing in it is to be kept
        child.wait(PATIENCE.total_seconds())


def _await(place: Place, child: "subprocess.Popen[bytes]") -> None:
    """However long it loads: it ends by itself where it cannot."""
    server = Server(parse_url(place.url), NotRestorable, _NotYet)
    while True:
        try:
            with server.line() as line:
                line.call("DBSIZE")
                return
        except _NotYet:
            time.sleep(_PAUSE)
        if child.poll() is not None:
            said = place.log.read_bytes()[-_WORDS:].decode(errors="replace").strip()
            raise NotRestorable(
                f"the throw-away {place.program} ended with status {child.returncode} before it had loaded: {said}",
                f"see that memory suffices, and that its user{_named(place)} can reach {place.data}",
            )


def _named(place: Place) -> str:
    return f", {place.user.pw_name}," if place.user else ""


class _NotYet(DrkitError):
    """It does not listen yet, or is loading."""


def _other_user() -> pwd.struct_passwd | None:
    """As root it is nobody, who owns nothing."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return None


def _confine(place: Place) -> tuple[str, ...]:
    """What goes before the program and becomes it: as much of this as works here."""
    setpriv, unshare = shutil.which("setpriv"), shutil.which("unshare")
    user = place.user
    whose = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups") if user else ()
    change = (setpriv, *whose, "--no-new-privs", "--pdeathsig", "KILL", "--") if setpriv else ()
    spaces = ("--net", "--ipc") if os.geteuid() == 0 else ("--user", "--map-current-user", "--net", "--ipc")
    apart = (unshare, *spaces, "--") if unshare else ()
    program = place.program.path
    shut = enclosing((place.folder, program.parent, program.resolve().parent), (place.data,))
    tries = ((*apart, *shut, *change), (*shut, *change), (*apart, *change), change)
    return next((each for each in tries if _begins(each, place)), change)


def _begins(before: tuple[str, ...], place: Place) -> bool:
    try:
        done = subprocess.run(
            [*before, str(place.program.path), "--version"],
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
