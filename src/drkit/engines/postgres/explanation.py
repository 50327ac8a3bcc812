"""Which rows stand behind a difference: those of the backup, read once more, beside those of the restored table."""

from collections.abc import Mapping

from drkit.engines.postgres.archive import table_rows
from drkit.engines.postgres.contents import DUMP, Contents, Name
from drkit.engines.postgres.differences import Difference
from drkit.engines.postgres.names import codec_of, quote_name
from drkit.engines.postgres.row_comparison import RowComparison
from drkit.engines.postgres.rows import find_difference
from drkit.engines.postgres.server import Server
from drkit.model import Piece
from drkit.ports import Chunks, Load

# The columns of the primary key, and where each stands in a row as COPY writes it.
_KEY = """
select a.attname::text,
       (select count(*) from pg_attribute b where b.attrelid = a.attrelid and b.attnum > 0 and b.attnum < a.attnum
           and not b.attisdropped and b.attgenerated = '')
  from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
 where i.indrelid = to_regclass(%s) and i.indisprimary order by 2
"""


class Explainer:
    def __init__(
        self, server: Server, contents: Contents, pieces: Mapping[str, Piece], load: Load, restored: RowComparison
    ) -> None:
        self._server = server
        self._contents = contents
        self._pieces = pieces
        self._load = load
        self._restored = restored

    def explain(self, difference: Difference) -> str:
        table = difference.table
        if table is None:
            return str(difference)
        with self._server.session() as connection:
            quoted = f"{quote_name(table[0])}.{quote_name(table[1])}"
            key = connection.execute(_KEY, [quoted]).fetchall()
        found = find_difference(
            lambda: self._captured(table),
            lambda: self._restored.rows(table),
            key,
            codec_of(self._contents.encoding),
        )
        at_least = "" if found.exact else "at least "
        if not found.missing and not found.extra:
            return f"{difference}: the same rows in another order"
        examples = f", such as {'; '.join(found.examples)}" if found.examples else ""
        return (
            f"{difference}: {at_least}{found.missing} rows are lost or changed, {found.extra} new or changed{examples}"
        )

    def _captured(self, table: Name) -> Chunks:
        [segments] = [each.segments for each in self._contents.tables if each.key == table]
        if segments[0].piece == DUMP:
            yield from table_rows(self._load(self._pieces[DUMP]), table, codec_of(self._contents.encoding))
            return
        for segment in segments:
            yield from self._load(self._pieces[segment.piece])
