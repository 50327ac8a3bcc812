"""Which rows stand behind a difference: those of the backup, read once more, beside those of the restored tables."""

from dataclasses import replace
from itertools import chain

from drkit.engines.postgres.contents import Name, TableContents, table_of
from drkit.engines.postgres.differences import Difference
from drkit.engines.postgres.names import codec_of
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.row_comparison import RowComparison, are_captured, digest_segments
from drkit.engines.postgres.rows import Key, find_difference
from drkit.engines.postgres.server import Server

_KEY = """
select a.attname::text from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
  join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relname = %s and i.indisprimary
"""


class Explainer:
    def __init__(self, server: Server, point: StoredPoint, restored: RowComparison) -> None:
        self._server = server
        self._point = point
        self._restored = restored

    def explain(self, difference: Difference) -> Difference | None:
        """None if it is none after all: the same rows in another order are the same."""
        contents, tables = self._point.contents, difference.tables
        found = find_difference(
            lambda: chain.from_iterable(map(self._point.rows, tables)),
            lambda: chain.from_iterable(map(self._restored.rows, [table_of(contents, name) for name in tables])),
            self._key(tables[0]),
            codec_of(contents.encoding),
        )
        if not found.missing and not found.extra:
            faithful = all(self._is_as_told(table_of(contents, name)) for name in tables)
            return None if faithful else replace(difference, rows="the backup's pieces do not hold what was taken")
        at_least = "" if found.exact else "at least "
        told = f"{at_least}{found.missing} rows are lost or changed, {found.extra} new or changed"
        return replace(difference, rows=told, examples=tuple(found.examples))

    def _is_as_told(self, table: TableContents) -> bool:
        """Whether the backup's own rows are those that were captured."""
        return are_captured(digest_segments(self._point.rows(table.key), table.segments), table)

    def _key(self, name: Name) -> Key:
        """The columns of the primary key, and where each stands in a row as COPY wrote it."""
        columns = table_of(self._point.contents, name).columns
        with self._server.session() as connection:
            key = {column for (column,) in connection.execute(_KEY, name)}
        return [(column, at) for at, column in enumerate(columns) if column in key]
