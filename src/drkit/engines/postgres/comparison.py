"""The whole comparison of a database with a point: rows, sequences, large objects, and everything of the schema.

It must not know how the database came into being, nor what its answer leads to.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from drkit.engines.postgres.contents import Name, SchemaObject
from drkit.engines.postgres.differences import (
    Difference,
    Unseen,
    compare_large_objects,
    compare_objects,
    compare_sequences,
    compare_versions,
    counted,
    describe_large_objects,
    read_objects,
)
from drkit.engines.postgres.digest import Level
from drkit.engines.postgres.explanation import Explainer
from drkit.engines.postgres.facts import Facts
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.programs import Programs, choose_programs, find_programs
from drkit.engines.postgres.row_comparison import RowComparison
from drkit.engines.postgres.server import Server
from drkit.errors import NotRestorable
from drkit.streams.process import Family, family

_MOST_EXPLAINED = 10
_EXTENSION = "EXTENSION"
_SHOWN_TO_OWNERS = ("USER MAPPING",)  # there may be a password in it


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which part of what was captured a database should hold. None is all of it, but for the tables in `without`."""

    level: Level = "full"
    tables: Collection[Name] | None = None
    sequences: Collection[Name] | None = None
    objects: Collection[SchemaObject] | None = None
    rows: bool = True
    without: Collection[Name] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one kind that were compared: which, what of them was `expected`, and all in which they differ."""

    subject: str
    expected: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """`versions` are those of extensions that differ, which are no faults. `whole` if nothing was left out: every
    table by its rows, and all else that was captured."""

    groups: tuple[Group, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    versions: tuple[Difference, ...] = ()
    whole: bool = False

    @property
    def differences(self) -> tuple[str, ...]:
        return tuple(str(each) for group in self.groups for each in group.differences)

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.groups:
            return ("nothing was compared",)
        versions = (f"{each.subject} is {each.found} here and was {each.expected}" for each in self.versions)
        return (*map(str, self.unseen), *versions)


def choose_for_target(options: DumpOptions, point: StoredPoint, facts: Facts) -> Programs:
    """Not older than what made the dump, and not older than the target, which is read for the comparison."""
    oldest = max(facts.major, point.contents.dump_major)
    return choose_programs(find_programs(options.programs), oldest, NotRestorable)


def compare(server: Server, programs: Programs, point: StoredPoint, expected: Expectation, jobs: int) -> Compared:
    if expected.level == "off":
        return Compared()
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
        groups = [*self._compare_objects()]
        if not self._expected.rows:
            return Compared(tuple(groups))
        groups.append(self._compare_rows())
        with self._server.session() as connection:
            sequences = self._sequences()
            found = compare_sequences(connection, sequences)
            groups.append(_group(counted(len(sequences), "sequence"), "values as captured", found))
            if self._expected.tables is None and self._contents.level != "off":
                large = compare_large_objects(connection, self._contents)
                groups.append(_group("large objects", describe_large_objects(self._contents.large_objects), large))
            versions = tuple(compare_versions(connection, self._contents)) if self._expected.tables is None else ()
        everything = self._expected.level == self._contents.level == "full" and not self._rows.unseen
        return Compared(tuple(groups), tuple(self._rows.unseen), versions, everything)

    def _compare_rows(self) -> Group:
        tables = [each for each in self._contents.tables if self._is_expected(each.key)]
        found = self._explain(self._rows.run(tables))
        if self._contents.level == "off":
            return _group(counted(len(tables), "table"), "present", found)
        unseen = {name for each in self._rows.unseen for name in each.tables}
        seen = [each for each in tables if each.rows is not None and each.key not in unseen]
        told = "as captured" if self._expected.level == self._contents.level == "full" else "by number"
        rows = counted(sum(each.rows or 0 for each in seen), "row")
        return _group(f"rows of {counted(len(seen), 'table')}", f"{rows} {told}", found)

    def _is_expected(self, table: Name) -> bool:
        chosen = self._expected.tables
        return table not in self._expected.without and (chosen is None or table in chosen)

    def _compare_objects(self) -> Iterator[Group]:
        contents = self._contents
        with self._server.session() as connection:
            major = connection.info.server_version // 10_000
            sees_all = connection.info.parameter_status("is_superuser") == "on"
        same = (contents.server_version // 10_000, contents.dump_major) == (major, self._programs.major)
        found = read_objects(self._server, self._programs, contents.encoding, self._children)
        wanted = contents.objects if self._expected.objects is None else self._expected.objects
        told = "present, with the definitions captured" if same else "present by name, as versions differ"
        compare_some = partial(compare_objects, found=found, same=same, hidden=() if sees_all else _SHOWN_TO_OWNERS)
        extensions = [each for each in wanted if each.kind == _EXTENSION]
        others = [each for each in wanted if each.kind != _EXTENSION]
        yield _group(counted(len(others), "schema object"), told, compare_some(others))
        yield _group(counted(len(extensions), "extension"), "present", compare_some(extensions))

    def _sequences(self) -> dict[Name, tuple[int, bool]]:
        chosen = self._expected.sequences
        return {name: state for name, state in self._contents.sequences.items() if chosen is None or name in chosen}

    def _explain(self, differences: list[Difference]) -> Iterator[Difference]:
        """As far as somebody reads on; partitions that share their rows always have to be explained."""
        for number, each in enumerate(differences):
            if each.tables and (number < _MOST_EXPLAINED or len(each.tables) > 1):
                explained = self._explainer.explain(each)
                if explained:
                    yield explained
            else:
                yield each


def _group(subject: str, expected: str, differences: Iterable[Difference]) -> Group:
    return Group(subject, expected, tuple(differences))
