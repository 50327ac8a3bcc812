"""What PostgreSQL's programs say when they fail, as our errors: which of our words fit theirs, and the next step."""

import re

from drkit.engines.postgres.refusals import explain_refusal
from drkit.engines.postgres.server import Server
from drkit.errors import CaptureError, DrkitError
from drkit.streams.process import Failure

_LOCK_NOT_AVAILABLE = "55P03"
# pg_dump waits for locks with a statement_timeout, and has none otherwise.
_TIMED_OUT = re.compile(r"(lock|statement) timeout", re.IGNORECASE)
# What a program says of an object that another session dropped between its list and its lock.
_VANISHED = re.compile(
    r"does not exist|cache lookup failed|could not open relation|was concurrently|deadlock detected", re.IGNORECASE
)
_KILLED = "somebody, or the system for want of memory, ended it: look at the kernel's log, and run it again"
_UNKNOWN = "look into the server's log"
_HINTS = (
    (r"snapshot", "the session that held the snapshot ended: look into the server's log, and run it again"),
    (r"out of shared memory", "raise max_locks_per_transaction on the server"),
    (r"lock timeout|could not obtain lock", "see who holds the lock in pg_locks, or wait longer with lock_timeout"),
    (r"row-level security", "give the role BYPASSRLS, or back up as the owner of the tables or as a superuser"),
    (r"permission denied", "let the role read it; GRANT pg_read_all_data TO it lets it read all"),
    (r"terminating connection|server closed|connection to server was lost|SSL SYSCALL|could not receive data",
     "the server or the network ended the connection: look at the server's log, and run it again"),
    (r"No space left|disk full|could not extend file", "give the server's disk more room"),
    (r"role .* does not exist", "create the role first, or restore with --no-owner and --no-privileges"),
    (r"must be (owner|superuser|member)|must have", "restore as a superuser, or with --no-owner and --no-privileges"),
    (r"extension .* is not available|could not open extension", "install the extension's package on that server"),
    (r"database .* does not exist", "it was dropped or renamed meanwhile; look at the DSN"),
)  # fmt: skip


class KeptOut(CaptureError):
    """A lock is not to be had at once."""


def timed_out(error: DrkitError) -> bool:
    """Whether a lock was waited for in vain."""
    return _TIMED_OUT.search(str(error)) is not None


def vanished(error: DrkitError) -> bool:
    """Whether a new snapshot would probably do."""
    return _VANISHED.search(str(error)) is not None


def program_failed(program: str, server: Server) -> Failure:
    def failure(status: int, words: str) -> DrkitError:
        said = server.redact(words)
        if refused := explain_refusal(str(server), said, server.failure):
            return refused
        ended = f"was ended by signal {-status}" if status < 0 else f"ended with {status}"
        hint = _KILLED if status < 0 else _hint_for(said)
        return server.failure(f"{program} {ended}: {said or 'without a word'}", hint)

    return failure


def reader_failed(program: str, server: Server) -> Failure:
    """For a program that tells SQLSTATEs."""
    tell = program_failed(program, server)

    def failure(status: int, words: str) -> DrkitError:
        if _LOCK_NOT_AVAILABLE in words:
            return KeptOut(f"somebody waits for a lock on a table that {program} wants to read")
        return tell(status, "\n".join(line for line in words.splitlines() if not line.startswith("LOCATION:")))

    return failure


def _hint_for(words: str) -> str:
    return next((hint for pattern, hint in _HINTS if re.search(pattern, words, re.IGNORECASE)), _UNKNOWN)
