"""From a server to the pieces of a base backup. Nothing is spooled: what comes in is cut, squeezed and stored at once.

It must not know how the pieces are stored, nor what a restore makes of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter

import psycopg

from drkit.engines.postgres.facts import Facts, look_at_server
from drkit.engines.postgres.physical.basebackup import (
    MANIFEST,
    Begun,
    begin,
    can_be_incremental,
    cell,
    end,
    receive,
    upload_manifest,
)
from drkit.engines.postgres.physical.connection import Line, Refused, open_line
from drkit.engines.postgres.physical.members import cut_members
from drkit.engines.postgres.physical.options import PhysicalOptions
from drkit.engines.postgres.physical.serverfacts import describe_server
from drkit.engines.postgres.physical.slot import have_slot, look_at_slot, renew_slot
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError
from drkit.lsn import format_lsn
from drkit.model import Base, Captured
from drkit.ports import Begin, Clock, Earlier
from drkit.streams.behind import hand_over

FACTS = "facts"
NAME = "drkit backup"


def capture(
    server: Server, options: PhysicalOptions, begin_saving: Begin, earlier: Callable[[], Earlier | None], clock: Clock
) -> Captured:
    with server.session() as session:
        facts = look_at_server(session, clock, CaptureError)
        notes = _hold_log(session, server, options)
        with open_line(server, NAME) as line:
            return _Capture(session, line, server, facts, options, notes).run(begin_saving, earlier)


@dataclass
class _Capture:
    session: psycopg.Connection
    line: Line
    server: Server
    facts: Facts
    options: PhysicalOptions
    notes: list[str]

    def run(self, begin_saving: Begin, earlier: Callable[[], Earlier | None]) -> Captured:
        system = cell([row[:1] for row in self.line.ask("IDENTIFY_SYSTEM")])
        segment = self._segment_bytes()
        origin, begun = self._begin(system, earlier)
        save = begin_saving(self._server_now())
        pieces = hand_over(self._pieces(begun), save)
        stop = end(self.line)
        stopped_at = self._server_now()
        pieces.append(save(FACTS, iter([describe_server(self.session, self.facts, begun.tablespaces)])))
        base = Base(system, begun.timeline, begun.start, stop, stopped_at, segment, self.facts.version, origin)
        self._tell_of_follower(stop)
        return Captured(tuple(pieces), tuple(self.notes), base)

    def _begin(self, system: str, earlier: Callable[[], Earlier | None]) -> tuple[str | None, Begun]:
        """An incremental one where that is wanted and can be; what hinders it is told, and a full one made."""
        if previous := self._origin(system, earlier):
            try:
                upload_manifest(self.line, previous.manifest)
                return previous.id, begin(self.line, self.facts.major, self.options.rate_limit, incremental=True)
            except Refused as error:
                self.notes.append(f"a full backup is made, as an incremental one is not to be had: {error}")
                self.line.settle()
        return None, begin(self.line, self.facts.major, self.options.rate_limit, incremental=False)

    def _origin(self, system: str, earlier: Callable[[], Earlier | None]) -> Earlier | None:
        if not self.options.incremental:
            return None
        if not can_be_incremental(self.facts.major):
            self.notes.append("a full backup is made: PostgreSQL 17 is the first that makes incremental ones")
            return None
        previous = earlier()
        return previous if previous and previous.base.system_identifier == system else None

    def _pieces(self, begun: Begun) -> Iterator[tuple[str, bytes]]:
        received = receive(self.line, self.facts.major, begun)
        for archive, group in groupby(received, key=itemgetter(0)):
            chunks = (chunk for _, chunk in group)
            if archive == MANIFEST:
                yield from ((archive, chunk) for chunk in chunks)
            else:
                for number, chunk in cut_members(chunks, self.options.piece_bytes):
                    yield f"{archive}-{number:05}", chunk

    def _server_now(self) -> datetime:
        now: datetime
        [(now,)] = self.session.execute("SELECT clock_timestamp()")
        return now.astimezone(UTC)

    def _segment_bytes(self) -> int:
        [(size,)] = self.session.execute("SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size'")
        return int(size)

    def _tell_of_follower(self, stop: int) -> None:
        slot = look_at_slot(self.session, self.server, self.options.slot)
        if slot is None or slot.active_pid is None:
            self.notes.append(
                f"nobody follows the log: this backup can be restored once `drkit follow` has brought it to"
                f" {format_lsn(stop)}"
            )


def _hold_log(session: psycopg.Connection, server: Server, options: PhysicalOptions) -> list[str]:
    """Before the backup begins, so that the log it needs cannot get lost between it and the first follower."""
    slot, made = have_slot(session, server, options.slot)
    if made:
        return [f"made the replication slot {options.slot}: there was none"]
    if slot and slot.lost and renew_slot(session, server, options.slot):
        return [f"made the replication slot {options.slot}: the server had given up what it kept for the one before"]
    return []
