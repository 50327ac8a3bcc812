"""Whether the rows of a restored database are those that were captured.

It reads the restored database only. It must not know how it was restored.
"""

import sys
from collections import deque
from collections.abc import Collection, Sequence
from functools import partial

import psycopg

from drkit.engines.postgres.complaints import program_failed
from drkit.engines.postgres.contents import Contents, Name, Segment, TableContents
from drkit.engines.postgres.differences import Difference, spelled
from drkit.engines.postgres.digest import Level, RowDigest, TableDigest
from drkit.engines.postgres.division import SMALLEST
from drkit.engines.postgres.dump import QUIET
from drkit.engines.postgres.names import codec_of, quote_name
from drkit.engines.postgres.parallel import run_together
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.server import Server
from drkit.ports import Chunks
from drkit.streams.process import Family


class RowComparison:
    """Copies the tables of a restored database out again and takes their digests."""

    def __init__(self, server: Server, programs: Programs, contents: Contents, children: Family, jobs: int) -> None:
        self._server = server
        self._command = [programs.path("psql"), *server.arguments(), *QUIET]
        self._environment = server.environment(programs, client_encoding=contents.encoding)
        self._contents = contents
        self._children = children
        self._jobs = jobs
        self._level: Level = contents.level
        self.notes: list[str] = []

    def run(self, level: Level, only: Collection[Name] | None) -> list[Difference]:
        """The biggest tables first; every worker takes the next one with a session of its own."""
        self._level = level if self._contents.level == "full" else self._contents.level
        wanted = [table for table in self._contents.tables if only is None or table.key in only]
        wanted.sort(key=lambda table: -sum(segment.size or segment.rows or 0 for segment in table.segments))
        queue = deque(wanted)
        workers = [partial(self._work, queue) for _ in range(self._jobs)]
        return [each for found in run_together(workers, self._jobs, self._children.end) for each in found]

    def rows(self, table: Name) -> Chunks:
        """As COPY gives them, in the order of the heap."""
        script = f"COPY {_quoted(table)} TO STDOUT".encode(codec_of(self._contents.encoding), "surrogateescape")
        command = [*self._command, "--command", script]
        return self._children.read(command, self._environment, program_failed("psql", self._server))

    def _work(self, queue: deque[TableContents]) -> list[Difference]:
        differences: list[Difference] = []
        with self._server.session(client_encoding=self._contents.encoding) as connection:
            while queue:
                try:
                    table = queue.popleft()
                except IndexError:
                    break  # another worker took the last one
                differences += self._compare(connection, table)
        return differences

    def _compare(self, connection: psycopg.Connection, table: TableContents) -> list[Difference]:
        subject = f"table {spelled(table.key)}"
        if connection.execute("select to_regclass(%s)", [_quoted(table.key)]).fetchone() == (None,):
            return [Difference(subject, "present", "missing")]
        if self._level == "off" or table.rows is None:
            return []
        if self._level == "counts":
            [(rows,)] = connection.execute(f"select count(*) from only {_quoted(table.key)}")
            return [] if rows == table.rows else [Difference(subject, f"{table.rows} rows", f"{rows} rows")]
        small = sum(segment.size or 0 for segment in table.segments) < SMALLEST
        found = digest_segments(_copied(connection, table.key) if small else self.rows(table.key), table.segments)
        rows = sum(digest.rows for digest in found)
        if rows != table.rows:
            return [Difference(subject, f"{table.rows} rows", f"{rows} rows", table.key)]
        if [digest.sha256 for digest in found] != [segment.sha256 for segment in table.segments]:
            return [Difference(subject, f"{rows} rows as captured", f"{rows} rows, not all the same", table.key)]
        return []


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


def _copied(connection: psycopg.Connection, table: Name) -> Chunks:
    with connection.cursor() as cursor, cursor.copy(f"COPY {_quoted(table)} TO STDOUT") as copy:
        for row in copy:
            yield bytes(row)


def _quoted(table: Name) -> str:
    return f"{quote_name(table[0])}.{quote_name(table[1])}"
