"""The whole comparison of a database with a point: rows, sequences, large objects, and everything of the schema.

It must not know how the database came into being, nor what its answer leads to.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from drkit.engines.postgres.contents import Name, SchemaObject
from drkit.engines.postgres.differences import (
    Difference,
    compare_extensions,
    compare_large_objects,
    compare_objects,
    compare_sequences,
    read_objects,
)
from drkit.engines.postgres.digest import Level
from drkit.engines.postgres.explanation import Explainer
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.programs import Programs, choose_programs, find_programs
from drkit.engines.postgres.row_comparison import RowComparison
from drkit.engines.postgres.server import Server
from drkit.errors import NotRestorable
from drkit.model import Manifest
from drkit.ports import Clock, Load
from drkit.streams.process import Family, family

_MOST_EXPLAINED = 10
_SHOWN_TO_OWNERS = ("USER MAPPING",)  # there may be a password in it


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which part of what was captured a database should hold. None is all of it."""

    level: Level = "full"
    tables: Collection[Name] | None = None
    sequences: Collection[Name] | None = None
    objects: Collection[SchemaObject] | None = None
    rows: bool = True


@dataclass(frozen=True, slots=True)
class Compared:
    """`whole` if nothing was left out: every table by its rows, and all else that was captured."""

    differences: tuple[str, ...]
    notes: tuple[str, ...]
    whole: bool


def compare_with_point(
    server: Server, options: DumpOptions, manifest: Manifest, load: Load, level: Level, clock: Clock
) -> Compared:
    """An existing database, which should be what was captured."""
    point = StoredPoint(manifest, load)
    with server.session() as connection:
        facts = look_at_server(connection, clock, server.failure)
    programs = choose_for_target(options, point, facts)
    return compare(server, programs, point, Expectation(level), options.workers)


def choose_for_target(options: DumpOptions, point: StoredPoint, facts: Facts) -> Programs:
    """Not older than what made the dump, and not older than the target, which is read for the comparison."""
    oldest = max(facts.major, point.contents.dump_major)
    return choose_programs(find_programs(options.programs), oldest, NotRestorable)


def compare(server: Server, programs: Programs, point: StoredPoint, expected: Expectation, jobs: int) -> Compared:
    if expected.level == "off":
        return Compared((), ("nothing was compared",), whole=False)
    with family() as children:
        return _Comparison(server, programs, point, expected, children, jobs).run()


class _Comparison:
    def __init__(
        self,
        server: Server,
        programs: Programs,
        point: StoredPoint,
        expected: Expectation,
        children: Family,
        jobs: int,
    ) -> None:
        self._server = server
        self._programs = programs
        self._contents = point.contents
        self._expected = expected
        self._children = children
        self._rows = RowComparison(server, programs, point.contents, expected.level, children, jobs)
        self._explainer = Explainer(server, point, self._rows)

    def run(self) -> Compared:
        told = [str(each) for each in self._compare_objects()]
        if not self._expected.rows:
            return Compared(tuple(told), (), whole=False)
        found = self._rows.run(self._expected.tables)
        told += self._tell(found)
        notes = list(self._rows.notes)
        with self._server.session() as connection:
            told += map(str, compare_sequences(connection, self._sequences()))
            if self._expected.tables is None:
                told += map(str, compare_large_objects(connection, self._contents))
                notes += compare_extensions(connection, self._contents)
        everything = self._expected.level == self._contents.level == "full" and not self._rows.notes
        return Compared(tuple(told), tuple(notes), everything)

    def _compare_objects(self) -> Iterator[Difference]:
        contents = self._contents
        with self._server.session() as connection:
            major = connection.info.server_version // 10_000
            sees_all = connection.info.parameter_status("is_superuser") == "on"
        same = (contents.server_version // 10_000, contents.dump_major) == (major, self._programs.major)
        found = read_objects(self._server, self._programs, contents.encoding, self._children)
        wanted = contents.objects if self._expected.objects is None else self._expected.objects
        return compare_objects(wanted, found, same, () if sees_all else _SHOWN_TO_OWNERS)

    def _sequences(self) -> dict[Name, tuple[int, bool]]:
        chosen = self._expected.sequences
        return {name: state for name, state in self._contents.sequences.items() if chosen is None or name in chosen}

    def _tell(self, differences: list[Difference]) -> Iterator[str]:
        """Explained as far as somebody reads on; partitions that share their rows always have to be."""
        for number, each in enumerate(differences):
            if each.tables and (number < _MOST_EXPLAINED or len(each.tables) > 1):
                explained = self._explainer.explain(each)
                if explained:
                    yield explained
            else:
                yield str(each)
