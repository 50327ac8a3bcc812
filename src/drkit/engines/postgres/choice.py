"""What one backup takes of a database: which schemas, which tables, whose rows, and in which streams."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.dependents import leave_out_dependents
from drkit.engines.postgres.division import Stream, divide
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.relations import list_rerouted
from drkit.engines.postgres.tables import (
    ORDINARY,
    Table,
    list_schemas,
    list_sequences,
    list_tables,
    match_schemas,
    match_tables,
    measure,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Without `schemas` it is all of them. `taken` are the tables whose rows are in the backup, in whatever piece;
    `sequences` belong to those that are left out, `views` cannot do without them."""

    schemas: tuple[str, ...]
    extensions: tuple[str, ...]
    left_out: tuple[Table, ...]
    sequences: tuple[tuple[str, str], ...]
    views: tuple[tuple[str, str], ...]
    without_rows: tuple[Table, ...]
    taken: tuple[Table, ...]
    streams: tuple[Stream, ...]

    @property
    def streamed(self) -> tuple[Table, ...]:
        return tuple({stream.table.number: stream.table for stream in self.streams}.values())

    def notes(self, options: DumpOptions) -> tuple[str, ...]:
        empty = [
            f"{key} matches no table"
            for key, patterns in (("exclude_tables", options.exclude_tables), ("exclude_data", options.exclude_data))
            if patterns and not (self.left_out if key == "exclude_tables" else self.without_rows)
        ]
        without = [f"{len(self.left_out)} tables are left out"] if self.left_out else []
        if self.views:
            names = ", ".join(f"{schema}.{name}" for schema, name in self.views)
            without.append(f"views that need what is left out are left out too: {names}")
        without += [f"{len(self.without_rows)} tables are backed up without their rows"] if self.without_rows else []
        return (*empty, *without)


_EXTENSIONS = """
select e.extname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace
 where n.nspname = any(%s) order by 1
"""


def list_wanted(connection: psycopg.Connection, options: DumpOptions) -> list[Table]:
    """The ordinary tables whose rows a capture will take, as far as can be told before it begins."""
    inside, out, bare = _sort(list_tables(connection), _schemas(connection, options), options)
    return [table for table in inside if table.kind == ORDINARY and table.number not in out | bare]


def list_captured(connection: psycopg.Connection, options: DumpOptions) -> tuple[list[Table], list[Table]]:
    """The tables that a capture will have, with rows or without; and those that it leaves out."""
    inside, out, _ = _sort(list_tables(connection), _schemas(connection, options), options)
    return [table for table in inside if table.number not in out], [table for table in inside if table.number in out]


def choose(connection: psycopg.Connection, options: DumpOptions) -> Choice:
    schemas = _schemas(connection, options)
    extensions = [name for (name,) in connection.execute(_EXTENSIONS, [schemas])]
    inside, out, bare = _sort(list_tables(connection), schemas, options)
    taken = [table for table in inside if table.number not in out | bare]
    sequences = list_sequences(connection, out)
    rerouted = list_rerouted(connection)
    settled = [table for table in taken if table.number not in rerouted]
    [(block_size,)] = connection.execute("select current_setting('block_size')::int")
    return Choice(
        tuple(schemas),
        tuple(extensions),
        tuple(table for table in inside if table.number in out),
        tuple(sequences.values()),
        leave_out_dependents(connection, {*out, *sequences}, schemas),
        tuple(table for table in inside if table.number in bare),
        tuple(taken),
        tuple(divide(settled, measure(connection, settled), block_size, options.sizes)),
    )


def _schemas(connection: psycopg.Connection, options: DumpOptions) -> list[str]:
    return match_schemas(options.schemas, list_schemas(connection)) if options.schemas else []


def _sort(
    tables: Sequence[Table], schemas: Sequence[str], options: DumpOptions
) -> tuple[list[Table], set[int], set[int]]:
    """Those in the schemas; which of them are left out; and which of them go without rows."""
    inside = [table for table in tables if not schemas or table.schema in schemas]
    out = match_tables(options.exclude_tables, inside)
    return inside, out, match_tables(options.exclude_data, inside) - out
