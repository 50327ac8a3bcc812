"""Following a server: connect, go on where the store ends, listen, ship, report; and again when the line was lost.

Nothing is reported to the server that is not in the store, and what was heard is stored even if the server is gone.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from drkit import catalog
from drkit.catalog import Log, Span
from drkit.errors import ConfigError, DrkitError, LogBroken, LogGone, SourceBusy, SourceUnavailable, StoreError
from drkit.follow.cutting import Cutter, Portion
from drkit.follow.relay import Relay
from drkit.follow.resume import Resume, broken, plan_resume
from drkit.follow.shipping import Shipping
from drkit.follow.storing import LogWriter
from drkit.follow.voice import Stop, Voice
from drkit.follow.watch import Alarm, Watch
from drkit.lsn import format_lsn
from drkit.ports import Ended, Heard, LogLine, ServerLog, Store, Whereabouts
from drkit.sealing import Seal
from drkit.signing import Signer

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0
_STANDBY_LOOKS = 1.0
_TICK = 1.0
_LAST_PUTS = 5.0  # how long a follower that is told to stop waits for the store


@dataclass(frozen=True, slots=True)
class Manner:
    """`heartbeat` is how often the store hears of a server that writes nothing. `rebase` makes a new base backup where
    the log had to begin anew; with `anew` that is accepted once, whether or not somebody makes one."""

    interval: timedelta
    heartbeat: timedelta
    synchronous: bool = False
    anew: bool = False
    rebase: Callable[[], None] | None = None


@dataclass
class Follower:
    source: str
    log: ServerLog
    store: Store
    seal: Seal
    signers: frozenset[Signer]
    manner: Manner
    voice: Voice
    stop: Stop
    alarm: Alarm
    relays: tuple[Relay, ...] = ()
    _anew: bool = field(init=False)
    _settled: bool = field(default=False, init=False)
    _waits_for_another: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._anew = self.manner.anew

    def run(self) -> None:
        """Until it is told to stop. What cannot be mended by trying again rises; so does whatever hinders the start."""
        try:
            self._run()
        finally:
            for relay in self.relays:
                relay.end()
            for relay in self.relays:
                relay.join()

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self.stop.asked:
            began = time.monotonic()
            try:
                with self.log.open() as line:
                    self._follow(line)
            except SourceBusy as error:
                self._wait_for_another(error)
            except (SourceUnavailable, StoreError, ConfigError) as error:  # a reference may be rewritten at this moment
                if not self._settled:
                    raise
                if time.monotonic() - began > _LONGEST_WAIT:
                    wait = _FIRST_WAIT
                self.voice.warn(f"{self.source}: {error}; trying again in {wait:.0f} s", hint=error.hint)
                self.stop.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            except LogBroken as error:
                if self.manner.rebase is None or self._anew:
                    raise
                self.voice.warn(f"{self.source}: {error}. The log begins anew, and a base backup is made for it")
                self._anew = True

    def _follow(self, line: LogLine) -> None:
        log, where = self._look(line)
        if self._anew and where.kept_from is None:
            line.keep_anew()
            where = line.look()
        resume = plan_resume(log, where, anew=self._anew)
        writer = LogWriter(self.source, where.system, self.store, self.seal, self.signers, self._tell_relays)
        self._keep_histories(line, log, where, writer)
        self._settled = True  # a line that is cut from now on, be it before the first word, may be whole again
        for relay in self.relays:
            relay.begin()
        line.start(resume.timeline, resume.listen_from, resume.store_from)
        shipping = Shipping(writer.put, writer.clear, resume.store_from)
        try:
            _Listening(self, line, where, resume, writer, shipping).run(log)
        except LogGone as error:
            gone = f"the server has no log from {format_lsn(resume.listen_from)} on any more ({error})"
            raise broken(log, gone) from error
        finally:
            shipping.close()

    def _look(self, line: LogLine) -> tuple[Log, Whereabouts]:
        """The server is looked at again once the store was, and if another follower has gone on meanwhile then both
        are: a store that is ahead of the server tells of log that was lost."""
        before = self._look_at_server(line)
        while True:
            log = catalog.survey_log(self.store, self.source)
            where = self._look_at_server(line)
            where = replace(where, made=where.made or before.made)
            if where.kept_from == before.kept_from:
                return log, where
            before = where

    @staticmethod
    def _look_at_server(line: LogLine) -> Whereabouts:
        where = line.look()
        if where.held_by is not None:
            raise SourceBusy(f"process {where.held_by} of the server sends its log to another follower")
        return where

    def _tell_relays(self, span: Span) -> None:
        for relay in self.relays:
            relay.tell(span)

    def began(self, log: Log, where: Whereabouts, resume: Resume) -> None:
        """The server has begun to tell."""
        self._waits_for_another = False
        self.voice.note(
            f"{self.source}: following timeline {resume.timeline} from {format_lsn(resume.store_from)}",
            system_identifier=where.system,
        )
        if not resume.begins:
            return
        self._anew = False
        if self._has_base(where, resume):
            return
        if self.manner.rebase:
            self.manner.rebase()
        else:
            what = "anew" if log.spans else "here"
            self.voice.warn(
                f"{self.source}: the log begins {what}, at {format_lsn(resume.store_from)}: before a base backup is"
                " made nothing can be restored from it",
                hint=f"drkit backup now {self.source}",
            )

    def _has_base(self, where: Whereabouts, resume: Resume) -> bool:
        points = catalog.survey(self.store, self.source).points
        with suppress(DrkitError):
            manifest = catalog.read_manifest(self.store, self.source, points[-1].id, self.signers) if points else None
            base = manifest.base if manifest else None
            return base is not None and base.system_identifier == where.system and base.start >= resume.store_from
        return False

    def _keep_histories(self, line: LogLine, log: Log, where: Whereabouts, writer: LogWriter) -> None:
        """Those of older timelines are parts of the newest one's, and some servers have not got them."""
        for timeline in [each for each, _ in where.parents if each > 1]:
            with suppress(SourceUnavailable):
                writer.keep_history(log, timeline, line.history(timeline))
        if where.timeline > 1:
            writer.keep_history(log, where.timeline, line.history(where.timeline))

    def _wait_for_another(self, error: SourceBusy) -> None:
        if not self._waits_for_another:
            self.voice.note(f"{self.source}: {error}; waiting to take over", standby=True)
        self._settled = self._waits_for_another = True
        self.stop.sleep(_STANDBY_LOOKS)


class _Listening:
    """One connection's worth of it."""

    def __init__(
        self,
        follower: Follower,
        line: LogLine,
        where: Whereabouts,
        resume: Resume,
        writer: LogWriter,
        shipping: Shipping,
    ) -> None:
        self._follower, self._line, self._where, self._resume = follower, line, where, resume
        self._writer, self._shipping = writer, shipping
        self._cutter = Cutter(where.system, resume)
        self._due: float | None = None
        self._marked_at = time.monotonic()
        self._last_mark: tuple[catalog.Span, ...] = ()
        self._watch = Watch(
            follower.source,
            follower.log,
            follower.voice,
            follower.alarm,
            follower.relays,
            synchronous=follower.manner.synchronous,
        )

    def run(self, log: Log) -> None:
        """Until the timeline ends or somebody wants it to stop."""
        self._writer.retire_leftovers(span for span in log.spans if span.system == self._where.system)
        marks = [span for span in log.spans if not span.size and span.timeline == self._resume.timeline]
        self._last_mark = tuple(marks[-1:])
        try:
            with self._watch:
                self._listen(log)
        except SourceUnavailable:
            self._store_what_was_heard(None)
            raise

    def _listen(self, log: Log) -> None:
        began = False
        while not self._follower.stop.asked:
            self._tend()
            if not self._shipping.room:
                self._shipping.wait_for_room(_TICK / 2)
                continue
            heard = self._line.receive(self._patience(), self._shipping.wake)
            self._shipping.quiet()
            if heard and not began:
                self._follower.began(log, self._where, self._resume)
                began = True
            if isinstance(heard, Ended):
                self._give(self._cutter.end())
                self._store_what_was_heard(None)
                self._follower.voice.note(
                    f"{self._follower.source}: timeline {self._resume.timeline} ended at {format_lsn(heard.switch)},"
                    f" and timeline {heard.timeline} goes on"
                )
                return
            self._take(heard)
        self._store_what_was_heard(_LAST_PUTS)
        self._line.report(self._shipping.stored)

    def _tend(self) -> None:
        self._line.report(self._shipping.stored)
        self._watch.tell(self._shipping.stored, self._shipping.covered_until, self._shipping.take_trouble())

    def _take(self, heard: Heard | None) -> None:
        now = time.monotonic()
        urgent = False
        if heard:
            self._watch.hear(heard)
            self._give(self._cutter.add(heard.data, heard.covered_until))
            urgent = heard.urgent
        if not self._cutter.waiting:
            self._due = None
            self._mark(now)
            return
        if self._due is None:
            self._due = now + self._follower.manner.interval.total_seconds()
        at_once = urgent or (self._follower.manner.synchronous and self._shipping.idle)
        if at_once or now >= self._due:
            self._give(self._cutter.cut())
            self._due = None

    def _mark(self, now: float) -> None:
        """An idle server is told of now and then, so that its silence can be told from ours."""
        quiet_for = now - self._marked_at
        if quiet_for >= self._follower.manner.heartbeat.total_seconds() and self._shipping.idle:
            self._marked_at = now
            if portion := self._cutter.mark():
                self._give([Portion(portion.span, portion.data, self._last_mark)])
                self._last_mark = (portion.span,)

    def _give(self, portions: Iterable[Portion]) -> None:
        for portion in portions:
            if portion.span.size:
                self._marked_at = time.monotonic()
            self._shipping.give(portion)

    def _patience(self) -> float:
        return _TICK if self._due is None else min(_TICK, max(0.0, self._due - time.monotonic()))

    def _store_what_was_heard(self, seconds: float | None) -> None:
        """The server may be gone for ever, and then this is all there is of its last moments."""
        self._give(self._cutter.cut())
        until = None if seconds is None else time.monotonic() + seconds
        while not self._shipping.wait(_TICK):
            self._watch.tell(self._shipping.stored, self._shipping.covered_until, self._shipping.take_trouble())
            if self._follower.stop.asked and until is None:
                until = time.monotonic() + _LAST_PUTS
            if until is not None and time.monotonic() > until:
                return
