"""The place for one drill: on a server that was lent, or on a throw-away one of the captured version.

It must not know how the backup gets there.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from drkit.engines.postgres.contents import Contents
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.programs import Programs, choose_programs, find_programs
from drkit.engines.postgres.scratch.database import scratch_database
from drkit.engines.postgres.scratch.place import ScratchServer
from drkit.engines.postgres.scratch.postgres import scratch_postgres
from drkit.engines.postgres.server import Server
from drkit.errors import ConfigError, NotRestorable
from drkit.model import Scratch
from drkit.ports import Clock

_DATABASE = "restored"
_ROW = 28  # bytes that the server adds to each
_INDEXED = 3  # times the rows, with indexes and what sorting them takes


@contextmanager
def provide_scratch(
    contents: Contents,
    plain_bytes: int,
    options: DumpOptions,
    folder: Path | None,
    lent: Callable[[], str] | None,
    source: Server | None,
    clock: Clock,
) -> Iterator[Scratch]:
    place: AbstractContextManager[ScratchServer]
    if lent:
        place = scratch_database(lent(), source, contents.system, clock)
    else:
        programs = choose_server(options, contents.server_version // 10_000)
        place = scratch_postgres(programs.folder, programs.major, folder, clock, estimate_room(contents, plain_bytes))
    with place as server:
        oldest = max(server.major, contents.dump_major)
        clients = choose_programs(find_programs(options.programs), oldest, NotRestorable)
        yield Scratch(
            server.dsn(_DATABASE),
            server.describe(),
            server.settings_that_differ(contents.settings),
            {"PostgreSQL": server.settings["server_version"], "pg_restore": f"{clients.major}.{clients.minor}"},
        )


def choose_server(options: DumpOptions, major: int) -> Programs:
    """Of the captured major or the nearest newer one, from the configured folder if it has a server at all."""
    found = list_servers(options.programs) or list_servers(None)
    fitting = sorted((each for each in found if each.major >= major), key=lambda each: (each.major, -each.minor))
    if not fitting:
        have = ", ".join(sorted({f"{each.major}.{each.minor}" for each in found})) or "none"
        raise ConfigError(
            f"a drill needs the server programs of PostgreSQL {major} or newer, and they are not here (found: {have})",
            f'install postgresql-{major}, or name its folder: programs = "/path/to/bin"; or name a scratch server',
        )
    return fitting[0]


def estimate_room(contents: Contents, plain_bytes: int) -> int:
    """In bytes. What the database took at the source is enough, and so is what its rows can grow to."""
    rows = sum(table.rows or 0 for table in contents.tables)
    grown = _INDEXED * (plain_bytes + _ROW * rows)
    return grown if contents.size is None else min(contents.size, grown)


def list_servers(folder: Path | None) -> list[Programs]:
    """Programs with which a server can be made: in this folder, or wherever they are found."""
    return [
        each
        for each in find_programs(folder)
        if all(os.access(each.folder / name, os.X_OK) for name in ("initdb", "postgres"))
    ]
