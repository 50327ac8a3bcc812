"""As whom a throw-away server runs, and what of this machine is kept from it.

As root it is `nobody`, not `postgres`, who may own production's files and be let into its server. It starts no server.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from drkit.engines.postgres.scratch.naming import find_wrapper, name_user
from drkit.errors import ConfigError

_USER = "nobody"
# Nothing of this process's own environment: it may hold the keys to the store.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Confinement:
    """`spaces`, whatever else shuts in, and `change` go before a program and its arguments, and become that program.
    `owner` is this process's user, who has that name only by `wrapper` if there is one."""

    spaces: tuple[str, ...]
    change: tuple[str, ...]
    owner: str
    user: pwd.struct_passwd = field(repr=False)
    cut_off: bool
    wrapper: Path | None

    @property
    def command(self) -> tuple[str, ...]:
        """Without anything between."""
        return (*self.spaces, *self.change)

    def __str__(self) -> str:
        return f"run by {self.user.pw_name} {'without' if self.cut_off else 'with'} a network"


def confine(find: Callable[[], Path | None] = find_wrapper) -> Confinement:
    """Without a network where the kernel lets us, without a way to gain privileges and with an end when the starting
    thread ends where setpriv is at hand."""
    owner, wrapper = _owner(find)
    is_root = os.geteuid() == 0
    user = _nobody() if is_root else owner
    change = _as_user(user, is_root)
    unshare = shutil.which("unshare")
    if unshare:
        spaces = ["--net", "--ipc"] if is_root else ["--user", "--map-current-user", "--net", "--ipc"]
        alone = (unshare, *spaces, "--")
        if _works((*alone, *change)):
            return Confinement(alone, change, owner.pw_name, user, True, wrapper)
    return Confinement((), change, owner.pw_name, user, False, wrapper)


def _as_user(user: pwd.struct_passwd, is_root: bool) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if is_root:
            raise ConfigError(
                "drkit runs as root, a PostgreSQL server never does, and setpriv is not here to start it as another",
                "install util-linux, or run drkit as another user",
            )
        return ()
    change = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups") if is_root else ()
    return (setpriv, *change, "--no-new-privs", "--pdeathsig", "QUIT", "--")


def _works(command: tuple[str, ...]) -> bool:
    done = subprocess.run(
        [*command, "true"], env=ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode == 0


def _owner(find: Callable[[], Path | None]) -> tuple[pwd.struct_passwd, Path | None]:
    try:
        return pwd.getpwuid(os.geteuid()), None
    except KeyError:
        wrapper = find()
    if wrapper is None:
        raise ConfigError(
            f"the user {os.geteuid()} has no name on this machine, and initdb refuses to work for one without",
            "install libnss-wrapper, add a line for the user to /etc/passwd, run drkit as another one,"
            " or name a scratch server",
        )
    return name_user(), wrapper


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        raise ConfigError(
            f"drkit runs as root, a PostgreSQL server never does, and there is no user {_USER} to run it",
            f"add the user {_USER}, or run drkit as another user",
        ) from None
