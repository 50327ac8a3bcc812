"""From pieces to a filled database: schema, rows in parallel, then indexes and constraints in parallel.

No plain rows touch a disk of ours: they flow from the store into COPY and pg_restore. Only the dump's table of
contents, which has no rows, lies in a private folder meanwhile. It must not know what the database will be called.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from drkit.engines.postgres.complaints import program_failed
from drkit.engines.postgres.names import quote_name
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.server import Server
from drkit.model import Piece
from drkit.ports import Load
from drkit.streams.process import Family

# The last commit of a restore is a synchronous one, and with it all before it are on the disk.
_SETTINGS = {"synchronous_commit": "off"}


@dataclass(frozen=True, slots=True)
class RowLoad:
    """One table, by the pieces that hold its rows, in the order of the rows."""

    schema: str
    name: str
    statement: str
    pieces: tuple[Piece, ...]


class Loader:
    """Fills one database. `outline` is the beginning of the archive, without rows; `chosen` a list for pg_restore."""

    def __init__(
        self,
        server: Server,
        programs: Programs,
        encoding: str,
        children: Family,
        jobs: int,
        options: Sequence[str],
        folder: Path,
        outline: bytes,
        chosen: bytes | None,
    ) -> None:
        self._server = server
        self._children = children
        self._jobs = jobs
        self._encoding = encoding
        self._failure = program_failed("pg_restore", server)
        self._environment = server.environment(programs, client_encoding=encoding, **_SETTINGS)
        self._outline = folder / "outline"
        self._outline.write_bytes(outline)
        self._command = [programs.path("pg_restore"), *server.arguments(), "--exit-on-error", "--no-password", *options]
        if chosen is not None:
            listing = folder / "chosen"
            listing.write_bytes(chosen)
            self._command.append(f"--use-list={listing}")

    def build_schema(self) -> None:
        self._restore("pre-data", str(self._outline))

    def load_rows(self, dump: Piece, loads: Sequence[RowLoad], load: Load) -> None:
        """pg_restore reads the dump from its stdin beside the COPY streams."""
        tasks: list[Callable[[], None]] = [partial(self._copy, each, load) for each in loads]
        tasks.insert(0, partial(self._restore_rows, dump, load))
        run_together(tasks, self._jobs, self._children.end)

    def build_indexes(self) -> None:
        self._restore("post-data", f"--jobs={self._jobs}", str(self._outline))

    def _restore(self, section: str, *arguments: str, archive: Iterable[bytes] = ()) -> None:
        command = [*self._command, f"--section={section}", *arguments]
        self._children.feed(command, self._environment, self._failure, archive)

    def _restore_rows(self, dump: Piece, load: Load) -> None:
        self._restore("data", archive=load(dump))

    def _copy(self, rows: RowLoad, load: Load) -> None:
        """In the transaction that empties the table, so that the rows can be written as frozen at once."""
        table = f"{quote_name(rows.schema)}.{quote_name(rows.name)}"
        with (
            self._server.session(**_SETTINGS, client_encoding=self._encoding) as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"TRUNCATE ONLY {table}")
            with cursor.copy(f"{rows.statement} (FREEZE)") as copy:
                for chunk in chain.from_iterable(load(piece) for piece in rows.pieces):
                    copy.write(chunk)


def analyze(server: Server, jobs: int, stop: Callable[[], None]) -> None:
    """Table by table, as one statement for all would end at the first foreign server that is down."""
    with server.session() as connection:
        names = [name for (name,) in connection.execute(_ANALYZED)]
    run_together([partial(_analyze, server, names[worker::jobs]) for worker in range(jobs)], jobs, stop)


_ANALYZED = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
   and (c.relkind in ('r', 'm') or c.relkind = 'p' and not exists (
         select from pg_partition_tree(c.oid) t join pg_class l on l.oid = t.relid where l.relkind = 'f'))
 order by c.relpages desc, 1
"""


def _analyze(server: Server, names: Sequence[str]) -> None:
    with server.session(**_SETTINGS) as connection:
        for name in names:
            connection.execute(f"ANALYZE {name}")


@contextmanager
def private_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="drkit-postgres-") as folder:
        yield Path(folder)
