"""PostgreSQL's programs for a cluster of one version, and as whom they run. It starts nothing."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from drkit.engines.postgres.programs import Programs, find_programs
from drkit.engines.postgres.recovery.extract import Owner
from drkit.engines.postgres.scratch.provision import list_servers
from drkit.errors import ConfigError

_USER = "postgres"


def find_server(folder: Path | None, major: int) -> Programs:
    """Of that very version: no other can read the files. From the configured folder if it has a server at all."""
    found = [each for each in list_servers(folder) or list_servers(None) if each.major == major]
    if not found:
        others = list_servers(folder) or find_programs(folder)
        have = ", ".join(sorted({f"{each.major}.{each.minor}" for each in others})) or "none"
        raise ConfigError(
            f"the cluster is PostgreSQL {major}, and that version's server programs are not here (found: {have})",
            f'install postgresql-{major}, or name its folder: programs = "/path/to/bin"',
        )
    return max(found, key=lambda each: each.minor)


@dataclass(frozen=True, slots=True)
class RunAs:
    """`command` goes before a program and becomes it; `owner` is None where that is this process's own user."""

    name: str
    owner: Owner | None
    command: tuple[str, ...] = ()


def run_as() -> RunAs:
    """A server never runs as root: restored by root, a cluster belongs to postgres."""
    if os.geteuid() != 0:
        return RunAs(pwd.getpwuid(os.geteuid()).pw_name, None)
    try:
        user = pwd.getpwnam(_USER)
    except KeyError:
        raise ConfigError(
            f"drkit runs as root, a PostgreSQL server never does, and there is no user {_USER} to own its files",
            f"add the user {_USER}, or run drkit as the user who shall own them",
        ) from None
    words: tuple[str, ...] = ()
    if found := shutil.which("setpriv"):
        words = (found, "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups", "--")
    return RunAs(user.pw_name, Owner(user.pw_uid, user.pw_gid), words)
