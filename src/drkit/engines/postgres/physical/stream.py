"""The log as a server tells it: START_REPLICATION, its messages, and our answers.

It must not know what becomes of the log. Until when it is known is told exactly: a message's own time says little, as a
server that is behind stamps old log with the time of now.
"""

import struct
import time
from datetime import UTC, datetime, timedelta

from psycopg import pq

from drkit.engines.postgres.physical.connection import Line, Refused
from drkit.errors import CaptureError, LogGone, SourceBusy, SourceUnavailable
from drkit.lsn import format_lsn, parse_lsn
from drkit.ports import Ended, Heard

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LOG = struct.Struct("!cqqq")  # its letter, start, the server's end, sent at
_ALIVE = struct.Struct("!cqqB")  # its letter, the server's end, sent at, whether an answer is wanted
_STATUS = struct.Struct("!cqqqqB")  # its letter, written, flushed, applied, our time, whether an answer is wanted
_ASK_EVERY = 1.0
_DEAF_AFTER = 60.0
# A server with a busy database sends hundreds of messages a second: it takes less to read them by the dozen.
_LINGER = 0.02
_IN_USE, _GONE, _GIVEN_UP = "55006", "58P01", "55000"


class Stream:
    """One timeline's. `current` says that the server writes it still: the end of an old one proves nothing of now."""

    def __init__(self, line: Line, slot: str, *, synchronous: bool) -> None:
        self._line, self._slot, self._synchronous = line, slot, synchronous
        self._stored = 0
        self._current = True
        self._behind = False
        self._sent_at: datetime | None = None
        self._end = 0
        self._asked = self._told = self._heard = self._listened = 0.0
        self._waiting = False

    def start(self, timeline: int, position: int, stored: int, *, current: bool) -> None:
        self._stored, self._end, self._current = stored, position, current
        self._line.send(f"START_REPLICATION SLOT {self._slot} PHYSICAL {format_lsn(position)} TIMELINE {timeline}")
        try:
            self._line.result(pq.ExecStatus.COPY_BOTH)
        except Refused as error:
            raise _explain(error) from error
        self._heard = time.monotonic()
        self._tell(ask=True)

    def receive(self, seconds: float, wake: int) -> Heard | Ended | None:
        self._stay_alive()
        self._expect_a_word()
        message = self._line.message()
        if message is not None and not message:
            if not (self._synchronous or self._behind):
                time.sleep(min(_LINGER, seconds))
            if not self._line.wait(min(seconds, _ASK_EVERY), wake):
                return None
            message = self._line.message()
        if message is None:
            return self._read_end()
        return self._read(message) if message else None

    def report(self, stored: int) -> None:
        if stored > self._stored:
            self._stored = stored
            self._tell(ask=False)
        self._stay_alive()

    def _read(self, message: memoryview) -> Heard | None:
        self._heard = time.monotonic()
        letter = bytes(message[:1])
        if letter == b"w":
            _, start, server_end, sent = _LOG.unpack_from(message)
            data = bytes(message[_LOG.size :])
            if start != self._end:
                raise CaptureError(f"the server went on at {format_lsn(start)} instead of {format_lsn(self._end)}")
            self._end = start + len(data)
            self._behind = self._end < server_end
            return Heard(data, self._note(sent), _moment(sent), max(server_end, self._end))
        if letter == b"k":
            _, server_end, sent, wanted = _ALIVE.unpack_from(message)
            self._waiting = False
            if wanted:
                self._tell(ask=False)
            return Heard(b"", self._note(sent), _moment(sent), max(server_end, self._end), urgent=bool(wanted))
        return None

    def _note(self, sent: int) -> datetime | None:
        """Until when all is known: before the server looked whether there was more, it had sent the last message."""
        known, self._sent_at = self._sent_at, _moment(sent)
        return known if self._current and not self._behind else None

    def _stay_alive(self) -> None:
        now = time.monotonic()
        if now - self._told >= _ASK_EVERY:
            # one question at a time: two that wait together would be answered without a look between them
            self._tell(ask=not self._waiting or now - self._asked > 10 * _ASK_EVERY)

    def _expect_a_word(self) -> None:
        """While nobody listens, as the store takes nothing, silence means nothing."""
        now = time.monotonic()
        if now - self._listened > 10 * _ASK_EVERY:
            self._heard = now
        self._listened = now
        if now - self._heard > _DEAF_AFTER:
            raise SourceUnavailable("the server has not said a word for a minute", "look at it and at the network")

    def _tell(self, *, ask: bool) -> None:
        now = time.monotonic()
        self._told = now
        if ask:
            self._asked, self._waiting = now, True
        clock = (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)
        applied = self._stored if self._synchronous else 0
        # written is what is stored, too: who waits for less than the disk must not be told of what only lies here
        self._line.give(_STATUS.pack(b"r", self._stored, self._stored, applied, clock, ask))

    def _read_end(self) -> Ended:
        try:
            result = self._line.result(pq.ExecStatus.COPY_IN, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
            if result.status == pq.ExecStatus.COPY_IN:
                self._line.end_giving()
                result = self._line.result(pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
        except Refused as error:
            raise _explain(error) from error
        if result.status == pq.ExecStatus.COMMAND_OK:
            raise SourceUnavailable("the server is shutting down", "it will be followed again when it is back")
        timeline, switch = result.get_value(0, 0), result.get_value(0, 1)
        if timeline is None or switch is None:
            raise CaptureError("the server ended its log without a word", "look into the server's log")
        self._line.settle()
        return Ended(int(timeline), parse_lsn(switch.decode()))


def _moment(sent: int) -> datetime:
    return _EPOCH + timedelta(microseconds=sent)


def _explain(error: Refused) -> CaptureError:
    if error.sqlstate == _IN_USE:
        return SourceBusy(str(error), "it takes over when the other one ends")
    if error.sqlstate in (_GONE, _GIVEN_UP):
        return LogGone(str(error), error.hint)
    return SourceUnavailable(str(error), error.hint)
