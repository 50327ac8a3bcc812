"""From a point to a database that was compared with it: the order of things, each of which has a room of its own.

What fails leaves the unfinished database under a name that says so; its final name is the last thing it gets.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from drkit.engines.postgres.archive import open_archive
from drkit.engines.postgres.archive_head import Contents as Outline
from drkit.engines.postgres.comparison import Comparison, Expectation
from drkit.engines.postgres.contents import DUMP, Contents, parse_contents
from drkit.engines.postgres.contents import PIECE as CONTENTS
from drkit.engines.postgres.explanation import Explainer
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.globals import apply_roles, apply_settings, create_database
from drkit.engines.postgres.load import Loader, RowLoad, analyze, private_folder
from drkit.engines.postgres.names import codec_of
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.programs import Programs, choose_programs, find_programs
from drkit.engines.postgres.selection import Selection, list_file, select
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.steps import PIECE as STEPS
from drkit.engines.postgres.steps import Steps, parse_steps
from drkit.engines.postgres.taken import list_objects
from drkit.engines.postgres.target import Place, maintenance, open_place, publish
from drkit.errors import IntegrityError, NotRestorable, ObjectiveMissed, UsageError
from drkit.model import Manifest, Piece, Restored, Wishes
from drkit.ports import Clock, Load
from drkit.streams.process import family

_PATIENCE = timedelta(seconds=60)
_MOST_TOLD = 10
_PRIVILEGES = {"ACL", "DEFAULT ACL"}


@dataclass
class Phases:
    """What was done, and how long each took."""

    seconds: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds.append((name, round(time.monotonic() - began, 3)))


class Restoring:
    """One restore of one point to one server."""

    def __init__(
        self, server: Server, options: DumpOptions, manifest: Manifest, load: Load, wishes: Wishes, clock: Clock
    ) -> None:
        self._server = server
        self._options = options
        self._pieces = {piece.name: piece for piece in manifest.pieces}
        self._load = load
        self._wishes = wishes
        self._clock = clock
        self._phases = Phases()
        self._contents: Contents = parse_contents(self._read(CONTENTS))
        self._steps: Steps = parse_steps(self._read(STEPS))

    def run(self) -> Restored:
        with maintenance(self._server) as connection:
            facts = look_at_server(connection, self._clock, NotRestorable)
            self._refuse_older(facts)
            notes = [] if self._wishes.no_owner else list(apply_roles(connection, self._steps))
        programs = self._choose_programs(facts)
        head, outline = self._read_outline()
        selection = select(head, self._wishes.tables) if self._wishes.tables else None
        with open_place(self._server, self._make_database, self._clock()) as place:
            self._fill(place, programs, outline, selection)
            notes += self._prove(place, programs, selection)
            if not self._wishes.tables:
                with maintenance(self._server) as connection:
                    notes += apply_settings(connection, self._steps, place.working.name)
        kept = publish(self._server, place, self._wishes.swap, _PATIENCE, self._clock())
        verified = self._wishes.compare == "full" and self._contents.level == "full"
        return Restored(str(self._server), kept, tuple(notes), verified, tuple(self._phases.seconds))

    def _fill(self, place: Place, programs: Programs, outline: bytes, selection: Selection | None) -> None:
        with family() as children, private_folder() as folder:
            chosen = list_file(selection.entries) if selection else None
            loader = Loader(
                place.working,
                programs,
                self._contents.encoding,
                children,
                self._jobs,
                self._flags(),
                folder,
                outline,
                chosen,
            )
            with self._phases.timed("schema"):
                loader.build_schema()
            if not self._wishes.schema_only:
                with self._phases.timed("fetch_and_load"):
                    loader.load_rows(self._piece(DUMP), self._row_loads(selection), self._load)
            with self._phases.timed("index"):
                loader.build_indexes()
            if not self._wishes.schema_only:
                with self._phases.timed("analyze"):
                    analyze(place.working, self._jobs, children.end)

    def _prove(self, place: Place, programs: Programs, selection: Selection | None) -> list[str]:
        """Notes, if everything is as captured; ObjectiveMissed naming what is not."""
        if self._wishes.compare == "off":
            return ["nothing was compared: --compare off"]
        with self._phases.timed("check"), family() as children:
            comparison = Comparison(place.working, programs, self._contents, children, self._jobs)
            differences = comparison.run(self._expected(selection))
            if differences:
                explainer = Explainer(place.working, self._contents, self._pieces, self._load, comparison.rows)
                told = [explainer.explain(each) for each in differences[:_MOST_TOLD]]
                more = [f"and {len(differences) - _MOST_TOLD} more"] if len(differences) > _MOST_TOLD else []
                raise ObjectiveMissed(
                    f"{place.working} differs from what was captured: {'; '.join([*told, *more])}",
                    "it was not published: look into it where it stands, or restore another point",
                )
        return comparison.notes

    def _expected(self, selection: Selection | None) -> Expectation:
        objects = self._contents.objects if selection is None else tuple(list_objects(selection.entries))
        if self._wishes.no_privileges:
            objects = tuple(each for each in objects if each.kind not in _PRIVILEGES)
        tables = None if selection is None else {each.key for each in selection.entries if each.kind == "TABLE"}
        return Expectation(self._wishes.compare, tables, objects, rows=not self._wishes.schema_only)

    def _row_loads(self, selection: Selection | None) -> list[RowLoad]:
        chosen = None if selection is None else {each.key for each in selection.entries}
        statements = {copy.piece: copy.statement for copy in self._steps.copies}
        return [
            RowLoad(*table.key, statements[pieces[0]], tuple(self._piece(name) for name in pieces))
            for table in self._contents.tables
            if (pieces := [segment.piece for segment in table.segments]) != [DUMP]
            and (chosen is None or table.key in chosen)
        ]

    def _make_database(self, connection: psycopg.Connection, name: str) -> None:
        create_database(connection, self._steps, name)

    def _refuse_older(self, facts: Facts) -> None:
        captured = self._contents.server_version // 10_000
        if facts.major < captured:
            raise UsageError(
                f"{self._server} is PostgreSQL {facts.major}, and the backup is of {captured}",
                f"restore into a server of version {captured} or newer",
            )

    def _choose_programs(self, facts: Facts) -> Programs:
        """Those of the target's own version if they are here; at any rate not older than what made the dump."""
        found, made_by = find_programs(self._options.programs), self._contents.dump_major
        fitting = [each for each in found if each.major >= made_by]
        own = [each for each in fitting if each.major == facts.major]
        return choose_programs(own or fitting, made_by, NotRestorable)

    def _flags(self) -> list[str]:
        """For pg_restore."""
        wishes = self._wishes
        return [
            *(["--no-owner"] if wishes.no_owner or wishes.owner else []),
            *(["--no-privileges"] if wishes.no_privileges else []),
            *([f"--role={wishes.owner}"] if wishes.owner else []),
        ]

    @property
    def _jobs(self) -> int:
        return self._options.workers

    def _read_outline(self) -> tuple[Outline, bytes]:
        """The dump's table of contents; its rows are not waited for."""
        chunks = self._load(self._piece(DUMP))
        head, outline, _ = open_archive(chunks, codec_of(self._contents.encoding))
        if isinstance(chunks, Generator):
            chunks.close()
        return head, outline

    def _piece(self, name: str) -> Piece:
        if name not in self._pieces:
            raise IntegrityError(f"the manifest names no piece {name!r}", "restore another point")
        return self._pieces[name]

    def _read(self, name: str) -> bytes:
        return b"".join(self._load(self._piece(name)))
