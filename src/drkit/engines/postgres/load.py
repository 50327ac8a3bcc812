"""From pieces to filled tables, several at once.

No plain rows touch a disk of ours: they flow from the store into COPY. Only the dump's table of contents, which has no
rows, lies in a private folder meanwhile. It must not know what the database will be called.
"""

import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import psycopg

from drkit.engines.postgres.archive import rows_by_table
from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.contents import Name
from drkit.engines.postgres.names import codec_of, quote_table
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.schema_restore import SchemaRestore
from drkit.engines.postgres.server import Server
from drkit.model import Piece
from drkit.ports import Load

_BY_WAY_OF_ROOT = "-- load via partition root"  # pg_dump's own mark


@dataclass(frozen=True, slots=True)
class RowLoad:
    """One table with streams of its own, by the pieces that hold its rows, in the order of the rows."""

    schema: str
    name: str
    statement: str
    pieces: tuple[Piece, ...]


class Loader:
    """Fills one database. `entries` are those of the archive that shall be made. `ordinary` are the tables whose rows
    are all in the backup, and which are empty when they are made.

    The rows of each table come in the transaction that empties it. Only so do they stand in the order in which they
    were read, whatever their widths: else the server puts small ones into gaps on earlier pages.
    """

    def __init__(
        self,
        server: Server,
        schema: SchemaRestore,
        encoding: str,
        entries: Sequence[Entry],
        ordinary: Collection[Name],
        owner: str | None,
    ) -> None:
        self._server = server
        self._schema = schema
        self._encoding = encoding
        self._codec = codec_of(encoding)
        self._rows = {each.number for each in entries if each.kind == "TABLE DATA"}
        self._has_large_objects = any(each.kind.startswith("BLOB") and each.has_data for each in entries)
        self._ordinary = ordinary
        self._settings = {**server.restoring, **({"role": owner} if owner else {})}

    def load_rows(self, dump: Piece, loads: Sequence[RowLoad], load: Load, jobs: int, stop: Callable[[], None]) -> None:
        """And what else the dump has of data: the values of sequences, large objects."""
        tasks: list[Callable[[], None]] = [partial(self._copy_dumped, dump, load)]
        tasks += [partial(self._copy_streamed, each, load) for each in loads]
        tasks.append(partial(self._restore_values, dump, load))
        run_together(tasks, jobs, stop)

    def _restore_values(self, dump: Piece, load: Load) -> None:
        self._schema.set_values(load(dump) if self._has_large_objects else None)

    def _copy_streamed(self, rows: RowLoad, load: Load) -> None:
        with self._session() as connection, closing(_read_all(rows.pieces, load)) as chunks:
            self._copy(connection, (rows.schema, rows.name), rows.statement, chunks)

    def _copy_dumped(self, dump: Piece, load: Load) -> None:
        """Table by table, as they come."""
        if not self._rows:
            return
        with self._session() as connection, closing(_read_all((dump,), load)) as archive:
            parts = rows_by_table(archive, self._codec)
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
                cursor.execute(self._spelled(f"TRUNCATE ONLY {quote_table(*emptied)}"))
            with cursor.copy(self._spelled(f"{statement} (FREEZE)" if emptied else statement)) as copy:
                for chunk in chunks:
                    copy.write(chunk)

    def _session(self) -> AbstractContextManager[psycopg.Connection]:
        return self._server.session(**self._settings, client_encoding=self._encoding)

    def _spelled(self, statement: str) -> bytes:
        return statement.encode(self._codec, "surrogateescape")


def _read_all(pieces: Iterable[Piece], load: Load) -> Generator[bytes, None, None]:
    """One after the other. Closed early it ends what reads for it, instead of leaving that to the garbage collector."""
    for piece in pieces:
        yield from load(piece)


@contextmanager
def private_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="drkit-postgres-") as folder:
        yield Path(folder)
