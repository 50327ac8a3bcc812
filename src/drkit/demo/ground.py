"""Where the demo can have a PostgreSQL server of its own: programs that run here, and a folder that they reach.

It must not know what the server is for.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.scratch.confinement import ENVIRONMENT, Confinement, confine
from drkit.engines.postgres.scratch.provision import list_servers
from drkit.errors import ConfigError, UsageError

_LONGEST = 60  # what is left for the name of a socket, which is short in any system
_HINT = "install PostgreSQL's server package, or see the demo with --kind sqlite"


@dataclass(frozen=True, slots=True)
class Ground:
    programs: Programs
    place: Path


def find_ground() -> Ground:
    """With the newest server that can be run here; UsageError says why there is none."""
    newest = sorted(list_servers(None), key=lambda each: (each.major, each.minor), reverse=True)
    if not newest:
        raise UsageError("PostgreSQL's server programs are not here", _HINT)
    try:
        confinement = confine()
    except ConfigError as error:
        raise UsageError(str(error), _HINT) from error
    for programs in newest:
        for place in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  a folder of ours is made in it
            if len(str(place)) <= _LONGEST and _runs(confinement, programs, place):
                return Ground(programs, place)
    raise UsageError(f"the user {confinement.user.pw_name} can run no PostgreSQL server here", _HINT)


def _runs(confinement: Confinement, programs: Programs, place: Path) -> bool:
    script = '"$1" --version && test -x "$2"'
    command = [*confinement.command, "sh", "-c", script, "sh", programs.path("postgres"), str(place)]
    return subprocess.run(command, capture_output=True, cwd="/", env=ENVIRONMENT | programs.environment).returncode == 0
