"""The whole comparison of a restored database with what was captured: rows, sequences, large objects, objects."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from drkit.engines.postgres.contents import Contents, Name, SchemaObject
from drkit.engines.postgres.differences import (
    Difference,
    compare_extensions,
    compare_large_objects,
    compare_objects,
    compare_sequences,
    read_objects,
)
from drkit.engines.postgres.digest import Level
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.row_comparison import RowComparison
from drkit.engines.postgres.server import Server
from drkit.streams.process import Family


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which part of what was captured a restored database should hold. None is all of it."""

    level: Level
    tables: Collection[Name] | None = None
    objects: Iterable[SchemaObject] | None = None
    rows: bool = True


class Comparison:
    def __init__(self, server: Server, programs: Programs, contents: Contents, children: Family, jobs: int) -> None:
        self.rows = RowComparison(server, programs, contents, children, jobs)
        self.notes: list[str] = []
        self._server = server
        self._programs = programs
        self._contents = contents
        self._children = children

    def run(self, expected: Expectation) -> list[Difference]:
        found = list(self._compare_objects(expected))
        if not expected.rows:
            return found
        found += self.rows.run(expected.level, expected.tables)
        self.notes += self.rows.notes
        if expected.tables is None:
            with self._server.session() as connection:
                found += compare_sequences(connection, self._contents)
                found += compare_large_objects(connection, self._contents)
                self.notes += compare_extensions(connection, self._contents)
        return found

    def _compare_objects(self, expected: Expectation) -> Iterable[Difference]:
        contents = self._contents
        with self._server.session() as connection:
            major = connection.info.server_version // 10_000
        same = (contents.server_version // 10_000, contents.dump_major) == (major, self._programs.major)
        found = read_objects(self._server, self._programs, contents.encoding, self._children)
        return compare_objects(contents.objects if expected.objects is None else expected.objects, found, same)
