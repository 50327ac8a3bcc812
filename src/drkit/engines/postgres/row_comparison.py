"""Whether the rows of a restored database are those that were captured.

It reads the restored database only. It must not know how it was restored.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import psycopg

from drkit.engines.postgres.complaints import program_failed
from drkit.engines.postgres.contents import Contents, Name, Segment, TableContents
from drkit.engines.postgres.differences import Difference, Unseen, counted, spelled
from drkit.engines.postgres.digest import Level, RowDigest, TableDigest
from drkit.engines.postgres.division import SMALLEST
from drkit.engines.postgres.dump import QUIET
from drkit.engines.postgres.names import codec_of, quote_name, quote_table
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.relations import Relation, list_relations
from drkit.engines.postgres.server import Server
from drkit.ports import Chunks
from drkit.streams.process import Argument, Family


class RowComparison:
    """Copies the tables of a restored database out again and takes their digests."""

    def __init__(
        self, server: Server, programs: Programs, contents: Contents, level: Level, children: Family, jobs: int
    ) -> None:
        self._server = server
        self._command: list[Argument] = [programs.path("psql"), *server.arguments(), *QUIET]
        self._environment = server.environment(programs, client_encoding=contents.encoding)
        self._contents = contents
        self._codec = codec_of(contents.encoding)
        self._children = children
        self._jobs = jobs
        self._level: Level = level if contents.level == "full" else contents.level
        self.unseen: list[Unseen] = []

    def run(self, wanted: Sequence[TableContents]) -> list[Difference]:
        """The biggest tables first; every worker takes the next one with a session of its own."""
        with self._server.session() as connection:
            relations = list_relations(connection)
        found = [
            Difference(_subject(table.key), "present", "missing") for table in wanted if table.key not in relations
        ]
        if self._level == "off":
            self.unseen.append(
                Unseen(f"rows of {counted(len(wanted), 'table')}", "the backup was made without fingerprints")
            )
            return found
        present = [table for table in wanted if table.key in relations and table.rows is not None]
        groups = list(_grouped(present, relations))
        readable = []
        for group in groups:
            if obstacle := _obstacle(group, relations):
                names = tuple(each.key for each in group)
                self.unseen.append(Unseen(f"rows of {_told(*names)}", obstacle, names))
            else:
                readable.append(group)
        readable.sort(key=lambda group: -sum(_size(table) for table in group))
        queue = deque(readable)
        workers = [partial(self._work, queue) for _ in range(min(self._jobs, len(queue)))]
        return found + [each for some in run_together(workers, self._jobs, self._children.end) for each in some]

    def rows(self, table: TableContents) -> Chunks:
        """As COPY gives them, in the order of the heap."""
        command = [*self._command, "--command", self._copy_out(table)]
        return self._children.read(command, self._environment, program_failed("psql", self._server))

    def _work(self, queue: deque[list[TableContents]]) -> list[Difference]:
        differences: list[Difference] = []
        with self._server.session(client_encoding=self._contents.encoding) as connection:
            while queue:
                try:
                    group = queue.popleft()
                except IndexError:
                    break  # another worker took the last one
                differences += self._compare(connection, group)
        return differences

    def _compare(self, connection: psycopg.Connection, group: list[TableContents]) -> Iterator[Difference]:
        """A group is one table, or all among which rows may have moved."""
        names = tuple(table.key for table in group)
        subject = _subject(*names)
        expected = sum(table.rows or 0 for table in group)
        if self._level == "counts":
            rows = sum(self._count(connection, name) for name in names)
            if rows != expected:
                yield Difference(subject, f"{expected} rows", f"{rows} rows")
            return
        found = [self._digests(connection, table) for table in group]
        rows = sum(digest.rows for digests in found for digest in digests)
        if rows != expected:
            yield Difference(subject, f"{expected} rows", f"{rows} rows", names)
            return
        for table, digests in zip(group, found, strict=True):
            for digest, segment in zip(digests, table.segments, strict=True):
                if digest.sha256 != segment.sha256:
                    yield Difference(subject, _sum(rows, segment.sha256), _sum(rows, digest.sha256), names)
                    return

    def _count(self, connection: psycopg.Connection, name: Name) -> int:
        question = f"select count(*) from only {quote_table(*name)}".encode(self._codec, "surrogateescape")
        [(rows,)] = connection.execute(question)
        return int(rows)

    def _digests(self, connection: psycopg.Connection, table: TableContents) -> list[TableDigest]:
        small = _size(table) < SMALLEST
        return digest_segments(self._copied(connection, table) if small else self.rows(table), table.segments)

    def _copied(self, connection: psycopg.Connection, table: TableContents) -> Chunks:
        with connection.cursor() as cursor, cursor.copy(self._copy_out(table)) as copy:
            for row in copy:
                yield bytes(row)

    def _copy_out(self, table: TableContents) -> bytes:
        columns = f" ({', '.join(map(quote_name, table.columns))})" if table.columns else ""
        return f"COPY {quote_table(*table.key)}{columns} TO STDOUT".encode(self._codec, "surrogateescape")


def digest_segments(chunks: Chunks, segments: Sequence[Segment]) -> list[TableDigest]:
    """One digest for each segment's length, the last one with all that follows."""
    digests: list[TableDigest] = []
    digest, left = RowDigest(), _room(segments, 0)
    for chunk in chunks:
        rest = chunk
        while len(rest) > left:
            digest.add(rest[:left])
            rest = rest[left:]
            digests.append(digest.value())
            digest, left = RowDigest(), _room(segments, len(digests))
        digest.add(rest)
        left -= len(rest)
    digests.append(digest.value())
    return digests + [RowDigest().value()] * (len(segments) - len(digests))


def _room(segments: Sequence[Segment], number: int) -> int:
    """How much belongs to this segment; to the last one all there is."""
    return segments[number].size or 0 if number < len(segments) - 1 else sys.maxsize


def _grouped(tables: Iterable[TableContents], relations: dict[Name, Relation]) -> Iterator[list[TableContents]]:
    """Each table alone, but for partitions among which a restore may distribute the rows anew."""
    routed: dict[Name, list[TableContents]] = {}
    for table in tables:
        router = relations[table.key].router
        if router:
            routed.setdefault(router, []).append(table)
        else:
            yield [table]
    yield from routed.values()


def _obstacle(group: list[TableContents], relations: dict[Name, Relation]) -> str:
    """Why nobody can tell whether the rows are the same."""
    if any(relations[table.key].hidden for table in group):
        return "row security hides some of them from this role"
    if len({table.columns for table in group}) > 1:
        return "they may move between partitions whose columns stand in another order"
    return ""


def are_captured(digests: Iterable[TableDigest], table: TableContents) -> bool:
    """Whether these are the digests that were taken as the table was captured."""
    return [digest.sha256 for digest in digests] == [segment.sha256 for segment in table.segments]


def _size(table: TableContents) -> int:
    return sum(segment.size or segment.rows or 0 for segment in table.segments)


def _sum(rows: int, sha256: str | None) -> str:
    """The sum is that of the first part of the table that differs."""
    return f"{rows} rows with the sum {(sha256 or '')[:12]}…"


def _subject(*names: Name) -> str:
    return f"table{'s' if len(names) > 1 else ''} {_told(*names)}"


def _told(*names: Name) -> str:
    return ", ".join(map(spelled, names))
