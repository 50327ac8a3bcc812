"""Which PostgreSQL programs are on this machine, and how to run them as a user that a server accepts."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from servers.children import require

MAJORS = (14, 15, 16, 17, 18)
SERVER_USER = "postgres"
FETCHED = Path(__file__).parents[2] / ".cache/postgres"


def find_programs(major: int | None = None) -> Path:
    """The folder of this machine's own PostgreSQL, or of the version that scripts/fetch-postgres has put there."""
    if major is None:
        own = local_programs()
        assert own, "PostgreSQL is missing: scripts/install-programs"
        return own
    fetched = FETCHED / str(major) / "bin"
    assert (fetched / "postgres").exists(), f"PostgreSQL {major} is missing: scripts/fetch-postgres"
    return fetched


def local_programs() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def client_programs(major: int) -> Path:
    """pg_dump, pg_restore and psql of the same version as a server somewhere else, or newer."""
    folders = [folder for folder in (local_programs(), *sorted(FETCHED.glob("*/bin"))) if folder]
    fitting = [folder for folder in folders if major_of(folder) >= major]
    assert fitting, f"client programs for PostgreSQL {major} are missing: scripts/fetch-postgres"
    return min(fitting, key=major_of)


@cache
def major_of(folder: Path) -> int:
    command = [str(folder / "pg_dump"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=program_environment(folder), check=True)
    found = re.search(r"(\d+)\.", done.stdout)
    assert found, done.stdout
    return int(found[1])


def program_environment(folder: Path, **variables: str) -> dict[str, str]:
    """Nothing of this process's own PG* variables; and the libraries that lie beside fetched programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    libraries = folder.parent / "lib"
    found = {"LD_LIBRARY_PATH": str(libraries)} if list(libraries.glob("libpq.so*")) else {}
    return {**kept, "LC_ALL": "C.UTF-8", **found, **variables}


def as_server_user(command: list[str]) -> list[str]:
    """PostgreSQL's server refuses to run as root."""
    if os.getuid() != 0:
        return command
    setpriv = require("setpriv", "util-linux")
    # again, because the kernel forgets it when the user changes
    user = ["--reuid", SERVER_USER, "--regid", SERVER_USER, "--clear-groups", "--pdeathsig", "KILL"]
    return [setpriv, *user, "--", *command]


def is_reachable(program: Path) -> bool:
    return subprocess.run(as_server_user(["test", "-x", str(program)]), check=False).returncode == 0


def give_to_server(path: Path) -> None:
    if os.getuid() == 0:
        shutil.chown(path, SERVER_USER, SERVER_USER)
