"""From a point to a database that was compared with it: the order of things, each of which has a room of its own.

What fails leaves the unfinished database under a name that says so; its final name is the last thing it gets.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg

from drkit.engines.postgres.analysis import analyze
from drkit.engines.postgres.comparison import Compared, choose_for_target, compare
from drkit.engines.postgres.contents import DUMP
from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.globals import (
    apply_roles,
    apply_settings,
    bar_login,
    create_database,
    create_in_some_locale,
)
from drkit.engines.postgres.lacking import find_lacking, tell_left_out
from drkit.engines.postgres.load import Loader, RowLoad, private_folder
from drkit.engines.postgres.options import DumpOptions
from drkit.engines.postgres.parts import Part, choose_part, fit_steps, fit_wishes
from drkit.engines.postgres.point import StoredPoint
from drkit.engines.postgres.programs import Programs, refuse_holes
from drkit.engines.postgres.schema_restore import SchemaRestore
from drkit.engines.postgres.server import Server
from drkit.engines.postgres.standing import look_at, maintenance
from drkit.engines.postgres.target import Place, give_database, open_place, publish
from drkit.errors import NotRestorable, ObjectiveMissed, UsageError
from drkit.model import Check, Manifest, Restored, Wishes
from drkit.ports import Clock, Load
from drkit.streams.process import family

PATIENCE = timedelta(seconds=60)
_MOST_TOLD = 10


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
    """One restore of one point to one server. `patience` is for sessions that keep a database from being renamed. Where
    the server is `lent`, roles outlive what is restored, so they may not log in."""

    def __init__(
        self,
        server: Server,
        options: DumpOptions,
        manifest: Manifest,
        load: Load,
        wishes: Wishes,
        clock: Clock,
        patience: timedelta = PATIENCE,
        *,
        lent: bool = False,
    ) -> None:
        self._server = server
        self._options = options
        self._wishes = wishes
        self._clock = clock
        self._patience = patience
        self._lent = lent
        self._phases = Phases()
        self._untested: list[Check] = []
        self._point = StoredPoint(manifest, load)
        self._steps = self._point.read_steps()

    def run(self) -> Restored:
        with maintenance(self._server) as connection:
            facts = look_at_server(connection, self._clock, NotRestorable)
        self._refuse_older(facts)
        self._wishes = fit_wishes(self._wishes, facts)
        programs = choose_for_target(self._options, self._point, facts)
        holes = refuse_holes(programs, self._options.trusted)
        head, outline = self._point.read_outline()
        with maintenance(self._server) as connection:
            lacking = find_lacking(connection, head, self._point.contents) if self._wishes.tolerant else ()
        part = choose_part(head, self._wishes, facts, look_at(self._server), lacking)
        notes, steps = [*holes, *part.notes], fit_steps(self._steps, self._wishes, part)
        if self._lent:
            steps = replace(steps, roles=tuple(map(bar_login, steps.roles)))
        with maintenance(self._server) as connection:
            notes += apply_roles(connection, steps)
        with open_place(self._server, self._wishes.swap, self._make_database, self._clock()) as place:
            self._fill(place, facts, programs, outline, part)
            compared = self._prove(place, programs, part)
            with maintenance(self._server) as connection:
                notes += [*compared.notes, *apply_settings(connection, steps, place.working.name)]
        kept = publish(self._server, place, self._wishes.swap, self._patience, self._clock())
        untested = (*self._untested, *part.untested)
        left_out = tell_left_out(part.losses, self._point.contents)
        phases = tuple(self._phases.seconds)
        return Restored(str(self._server), kept, tuple(notes), compared.whole, phases, untested, left_out)

    def _fill(self, place: Place, target: Facts, programs: Programs, outline: bytes, part: Part) -> None:
        contents, wishes, jobs = self._point.contents, self._wishes, self._options.workers
        with family() as children, private_folder() as folder:
            schema = SchemaRestore(
                place.working,
                target.major,
                programs,
                contents.encoding,
                children,
                wishes,
                folder,
                outline,
                [each for each in part.entries if each.kind != "TABLE DATA"],
            )
            with self._phases.timed("schema"):
                schema.make_tables()
            if not wishes.schema_only:
                ordinary = {table.key for table in contents.tables}
                loader = Loader(place.working, schema, contents.encoding, part.entries, ordinary, wishes.owner)
                with self._phases.timed("fetch_and_load"):
                    loads = list(self._row_loads(part))
                    loader.load_rows(self._point.piece(DUMP), loads, self._point.load, jobs, children.end)
            with self._phases.timed("index"):
                schema.make_indexes(jobs)
            if not wishes.schema_only:
                with self._phases.timed("analyze"):
                    analyze(place.working, jobs, children.end)

    def _prove(self, place: Place, programs: Programs, part: Part) -> Compared:
        """ObjectiveMissed naming what is not as it was captured."""
        with self._phases.timed("check"):
            expected = part.expectation(self._wishes)
            compared = compare(place.working, programs, self._point, expected, self._options.workers)
        if compared.differences:
            rest = len(compared.differences) - _MOST_TOLD
            told = [*compared.differences[:_MOST_TOLD], *([f"and {rest} more"] if rest > 0 else [])]
            raise ObjectiveMissed(
                f"{place.working} differs from what was captured: {'; '.join(told)}",
                "it was not published: look into it where it stands, or restore another point",
            )
        return compared

    def _row_loads(self, part: Part) -> Iterator[RowLoad]:
        statements = {copy.piece: copy.statement for copy in self._steps.copies}
        for table in self._point.contents.tables:
            pieces = [segment.piece for segment in table.segments]
            if pieces != [DUMP] and part.has_rows_of(table.key):
                yield RowLoad(*table.key, statements[pieces[0]], tuple(map(self._point.piece, pieces)))

    def _make_database(self, connection: psycopg.Connection, name: str) -> None:
        if self._wishes.tolerant:
            self._untested += create_in_some_locale(connection, self._steps, name)
        else:
            create_database(connection, self._steps, name)
        if self._wishes.owner:
            give_database(connection, name, self._wishes.owner)

    def _refuse_older(self, facts: Facts) -> None:
        captured = self._point.contents.server_version // 10_000
        if facts.major < captured:
            raise UsageError(
                f"{self._server} is PostgreSQL {facts.major}, and the backup is of {captured}",
                f"restore into a server of version {captured} or newer",
            )
