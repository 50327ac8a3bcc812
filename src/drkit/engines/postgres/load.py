"""From pieces to a filled database: schema, rows in parallel, then indexes and constraints in parallel.

No plain rows touch a disk of ours: they flow from the store into COPY and pg_restore. Only the dump's table of
contents, which has no rows, lies in a private folder meanwhile. It must not know what the database will be called.
"""

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import psycopg

from drkit.engines.postgres.archive import rows_by_table
from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.complaints import program_failed
from drkit.engines.postgres.contents import Name
from drkit.engines.postgres.names import codec_of, quote_name
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.selection import list_file
from drkit.engines.postgres.server import Server
from drkit.model import Piece, Wishes
from drkit.ports import Load
from drkit.streams.process import Family

# The last commit of a restore is a synchronous one, and with it all before it are on the disk.
_SETTINGS = {"synchronous_commit": "off"}
_BY_WAY_OF_ROOT = "-- load via partition root"  # pg_dump's own mark


@dataclass(frozen=True, slots=True)
class RowLoad:
    """One table with streams of its own, by the pieces that hold its rows, in the order of the rows."""

    schema: str
    name: str
    statement: str
    pieces: tuple[Piece, ...]


class Loader:
    """Fills one database. `outline` is the beginning of the archive, without rows, and `entries` are those of them that
    shall be made. `ordinary` are the tables whose rows are all in the backup, and which are empty when they are made.

    The rows of each table come in the transaction that empties it. Only so do they stand in the order in which they
    were read, whatever their widths: else the server puts small ones into gaps on earlier pages.
    """

    def __init__(
        self,
        server: Server,
        programs: Programs,
        encoding: str,
        children: Family,
        jobs: int,
        wishes: Wishes,
        folder: Path,
        outline: bytes,
        entries: Sequence[Entry],
        ordinary: Collection[Name],
    ) -> None:
        self._server = server
        self._session_settings = {**_SETTINGS, **({"role": wishes.owner} if wishes.owner else {})}
        self._encoding = encoding
        self._children = children
        self._jobs = jobs
        self._codec = codec_of(encoding)
        self._failure = program_failed("pg_restore", server)
        self._environment = server.environment(programs, client_encoding=encoding, **_SETTINGS)
        self._outline = folder / "outline"
        self._outline.write_bytes(outline)
        self._rows = {each.number for each in entries if each.kind == "TABLE DATA"}
        self._ordinary = ordinary
        rest = [each for each in entries if each.number not in self._rows]
        self._has_large_objects = any(each.kind.startswith("BLOB") and each.has_data for each in rest)
        listing = folder / "entries"
        listing.write_bytes(list_file(rest))
        self._command = [
            *(programs.path("pg_restore"), *server.arguments(), "--exit-on-error", "--no-password", *_flags(wishes)),
            f"--use-list={listing}",
        ]

    def build_schema(self) -> None:
        self._restore("pre-data", str(self._outline))

    def load_rows(self, dump: Piece, loads: Sequence[RowLoad], load: Load) -> None:
        """And what else the dump has of data: the values of sequences, large objects."""
        tasks: list[Callable[[], None]] = [partial(self._copy_dumped, dump, load)]
        tasks += [partial(self._copy_streamed, each, load) for each in loads]
        tasks.append(partial(self._restore_values, dump, load))
        run_together(tasks, self._jobs, self._children.end)

    def build_indexes(self) -> None:
        self._restore("post-data", f"--jobs={self._jobs}", str(self._outline))

    def _restore(self, section: str, *arguments: str, archive: Iterable[bytes] = ()) -> None:
        command = [*self._command, f"--section={section}", *arguments]
        self._children.feed(command, self._environment, self._failure, archive)

    def _restore_values(self, dump: Piece, load: Load) -> None:
        if self._has_large_objects:
            self._restore("data", archive=load(dump))
        else:
            self._restore("data", str(self._outline))

    def _copy_streamed(self, rows: RowLoad, load: Load) -> None:
        with self._session() as connection:
            self._copy(
                connection, (rows.schema, rows.name), rows.statement, chain.from_iterable(map(load, rows.pieces))
            )

    def _copy_dumped(self, dump: Piece, load: Load) -> None:
        """Table by table, as they come."""
        if not self._rows:
            return
        with self._session() as connection:
            parts = rows_by_table(load(dump), self._codec)
            for entry, texts in groupby(parts, key=itemgetter(0)):
                if entry.number in self._rows:
                    statement = entry.copy.rstrip().removesuffix(";")
                    empty = not entry.definition.startswith(_BY_WAY_OF_ROOT) and entry.key in self._ordinary
                    self._copy(connection, entry.key if empty else None, statement, (text for _, text in texts))

    def _copy(
        self, connection: psycopg.Connection, emptied: Name | None, statement: str, chunks: Iterable[bytes]
    ) -> None:
        """A table that is `emptied` can have its rows written as frozen at once. One of an extension has rows of its
        own already, and what goes by way of a partitioned table does not know where it will stand."""
        with connection.transaction(), connection.cursor() as cursor:
            if emptied:
                cursor.execute(self._spelled(f"TRUNCATE ONLY {quote_name(emptied[0])}.{quote_name(emptied[1])}"))
            with cursor.copy(self._spelled(f"{statement} (FREEZE)" if emptied else statement)) as copy:
                for chunk in chunks:
                    copy.write(chunk)

    def _session(self) -> AbstractContextManager[psycopg.Connection]:
        return self._server.session(**self._session_settings, client_encoding=self._encoding)

    def _spelled(self, statement: str) -> bytes:
        return statement.encode(self._codec, "surrogateescape")


def _flags(wishes: Wishes) -> list[str]:
    return [
        *(["--no-owner"] if wishes.no_owner or wishes.owner else []),
        *(["--no-privileges"] if wishes.no_privileges else []),
        *(["--schema-only"] if wishes.schema_only else []),
        *([f"--role={wishes.owner}"] if wishes.owner else []),
    ]


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
            connection.execute(f"ANALYZE {name}".encode())


@contextmanager
def private_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="drkit-postgres-") as folder:
        yield Path(folder)
