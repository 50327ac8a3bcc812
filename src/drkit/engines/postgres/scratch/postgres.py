"""A throw-away PostgreSQL of drkit's own: made by initdb, reached through a socket in a private folder, always removed.

Contained: no TCP, no network and no files but its own where the kernel grants that (`describe` tells), none of our
environment, no privileges to gain. Not contained: a restored superuser's COPY PROGRAM runs as that user, and sockets in
open folders are within its reach; so are other files as that user may, where the kernel has no Landlock.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from drkit.disk.scratch import scratch_folder
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.scratch.cluster import PORT, SUPERUSER, Cluster, make_cluster
from drkit.engines.postgres.scratch.confinement import ENVIRONMENT, confine
from drkit.engines.postgres.scratch.memory import usable_memory
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.server import serving
from drkit.engines.postgres.scratch.settings import loading_settings
from drkit.errors import ConfigError
from drkit.ports import Clock

_EMPTY_CLUSTER = 100_000_000
_VERSION = re.compile(rb"\(PostgreSQL\) (\d+)\.?(\d*)")
# libpq lets it lead a program elsewhere than to the host it was given.
_MISLEADING = "PGHOSTADDR"


@contextmanager
def scratch_postgres(
    programs_folder: Path, major: int, parent: Path | None, clock: Clock, needed: int = 0
) -> Iterator[ScratchServer]:
    """`needed` is how many bytes will be loaded. The thread that enters must live as long as the block: the kernel ends
    the server with it."""
    _refuse_misleading(os.environ)
    programs = _server_programs(programs_folder, major)
    confinement = confine()
    with scratch_folder(parent, needed + _EMPTY_CLUSTER) as folder:
        cluster = make_cluster(folder, programs, confinement)
        with serving(cluster, loading_settings(major, usable_memory()), _dsn(cluster, "postgres")) as settings:
            yield ScratchServer(
                lambda name: _dsn(cluster, name),
                major,
                settings,
                folder,
                f"a throw-away PostgreSQL {programs.major}.{programs.minor} in {folder}, {cluster}",
                clock(),
            )


def _dsn(cluster: Cluster, name: str) -> str:
    where = urlencode({"host": str(cluster.socket), "port": PORT}, quote_via=quote)
    return f"postgresql://{SUPERUSER}@/{quote(name, safe='')}?{where}"


def _refuse_misleading(environment: Mapping[str, str]) -> None:
    if environment.get(_MISLEADING):
        raise ConfigError(
            f"{_MISLEADING} is set, and would lead a check's own command to another server than the scratch server",
            f"unset {_MISLEADING}, and say in the source's DSN where it is",
        )


def _server_programs(folder: Path, major: int) -> Programs:
    hint = f"install postgresql-{major}, or name its folder; or name a scratch server"
    missing = [name for name in ("initdb", "postgres") if not os.access(folder / name, os.X_OK)]
    if missing:
        raise ConfigError(f"{folder} has no {' and no '.join(missing)}, which a scratch server is made with", hint)
    programs = Programs(folder, major, 0)
    done = subprocess.run(
        [programs.path("postgres"), "--version"],
        env=ENVIRONMENT | programs.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    version = _VERSION.search(done.stdout)
    if version is None or int(version[1]) != major:
        words = (done.stdout or done.stderr).decode(errors="replace").strip()
        raise ConfigError(f"the postgres in {folder} is not of version {major}: it says {words!r}", hint)
    return Programs(folder, major, int(version[2] or 0))
