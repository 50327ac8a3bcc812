"""pg_restore for everything of an archive that is not rows: from its table of contents alone, where that will do.

It must not know where the rows lie.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.complaints import program_failed
from drkit.engines.postgres.programs import Programs
from drkit.engines.postgres.selection import list_file
from drkit.engines.postgres.server import Server
from drkit.errors import DrkitError
from drkit.model import Wishes
from drkit.streams.process import Family

_ERROR = re.compile(r"^pg_restore: error: (.*)$", re.MULTILINE)
_NEWER_SETTING = re.compile(r'.*ERROR: +unrecognized configuration parameter "transaction_timeout"')
_LENIENT_JOBS = 4  # the words of more might be cut, and with them those that matter
_UNCUT = 3000
_ATTACHED, _INDEXES = "INDEX ATTACH", ("INDEX", "CONSTRAINT")


class _Harmless(DrkitError):
    """Nothing was refused but what does not matter."""


class SchemaRestore:
    """`outline` is the beginning of an archive, without rows, and `entries` are those of them that shall be made."""

    def __init__(
        self,
        server: Server,
        server_major: int,
        programs: Programs,
        encoding: str,
        children: Family,
        wishes: Wishes,
        folder: Path,
        outline: bytes,
        entries: Sequence[Entry],
    ) -> None:
        self._server = server
        self._children = children
        self._environment = server.environment(programs, client_encoding=encoding, **server.restoring)
        self._folder, self._outline, self._entries = folder, folder / "outline", entries
        self._outline.write_bytes(outline)
        # From 17 on it first sets what older servers do not know, and would end there.
        self._lenient = server_major < 17 <= programs.major
        self._command = [
            *(programs.path("pg_restore"), *server.arguments(), "--no-password"),
            *_flags(wishes),
            *([] if self._lenient else ["--exit-on-error"]),
        ]
        self._role = [f"--role={wishes.owner}"] if wishes.owner else []

    def make_tables(self) -> None:
        """And all else that comes before the rows. Extensions are made by who restores, as few others may."""
        if not self._role:
            self._run("pre-data", self._entries, str(self._outline))
            return
        for kinds, role in ((("SCHEMA",), self._role), (("EXTENSION",), [])):
            chosen = [each for each in self._entries if each.kind in kinds]
            self._run("pre-data", chosen, *role, str(self._outline))
        rest = [each for each in self._entries if each.kind not in ("SCHEMA", "EXTENSION")]
        self._run("pre-data", rest, *self._role, str(self._outline))

    def set_values(self, archive: Iterable[bytes] | None) -> None:
        """Of sequences; and of large objects, which are in the whole `archive` only."""
        where = [] if archive else [str(self._outline)]
        self._run("data", self._entries, *self._role, *where, archive=archive or ())

    def make_indexes(self, jobs: int) -> None:
        """And all else that comes after the rows.

        Indexes are attached to those of partitioned tables one after the other: side by side, or beside a foreign key,
        they lock the same tables in different orders, and the server ends one of them for a deadlock.
        """
        several = min(jobs, _LENIENT_JOBS) if self._lenient else jobs
        parallel = [f"--jobs={several}"] if several > 1 else []
        attached = [each for each in self._entries if each.kind == _ATTACHED]
        if not (attached and parallel):
            self._run("post-data", self._entries, *self._role, *parallel, str(self._outline))
            return
        before = [each for each in self._entries if each.kind in _INDEXES]
        after = [each for each in self._entries if each.kind not in (*_INDEXES, _ATTACHED)]
        for entries, how in ((before, parallel), (attached, []), (after, parallel)):
            self._run("post-data", entries, *self._role, *how, str(self._outline))

    def _run(self, section: str, entries: Sequence[Entry], *arguments: str, archive: Iterable[bytes] = ()) -> None:
        listing = self._folder / "entries"
        listing.write_bytes(list_file(entries))
        command = [*self._command, f"--section={section}", f"--use-list={listing}", *arguments]
        with suppress(_Harmless):
            self._children.feed(command, self._environment, self._failure, archive)

    def _failure(self, status: int, words: str) -> DrkitError:
        errors = _ERROR.findall(words)
        if self._lenient and len(words) < _UNCUT and errors and all(map(_NEWER_SETTING.match, errors)):
            return _Harmless(words)
        return program_failed("pg_restore", self._server)(status, words)


def _flags(wishes: Wishes) -> list[str]:
    return [
        *(["--no-owner"] if wishes.no_owner or wishes.owner else []),
        *(["--no-privileges"] if wishes.no_privileges else []),
        *(["--schema-only"] if wishes.schema_only else []),
        *(["--no-tablespaces"] if wishes.tolerant else []),
    ]
