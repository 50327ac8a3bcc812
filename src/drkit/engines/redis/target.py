"""The server that a restore goes to: it has to be empty, or to hold what an earlier try at the same restore left there.

Nothing that is there is ever overwritten or removed. It must not know what is restored.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from drkit.engines.redis.facts import read_info
from drkit.engines.redis.line import Line, Server, number
from drkit.engines.redis.marks import DRILL, UNFINISHED
from drkit.engines.redis.payload import split_payload
from drkit.engines.redis.refusals import Refused
from drkit.engines.redis.words import counted
from drkit.errors import NotRestorable, UsageError

NAME = "drkit-restore"


def check_target(server: Server) -> None:
    """Whose unfinished restore stands there is known only once the point is."""
    with server.line() as line:
        if not read_mark(line):
            _insist_on_empty(line)


def read_mark(line: Line) -> str:
    """The point that an unfinished restore there is of, or nothing."""
    found = line.call("GET", UNFINISHED)
    return found.decode(errors="replace") if isinstance(found, bytes) else ""


def count_keys(line: Line) -> dict[int, int]:
    """By database, without those of drkit's own."""
    found = read_info(line).databases
    line.call("SELECT", 0)
    marks = number(line.call("EXISTS", UNFINISHED, DRILL))
    return {each: left for each, keys in found.items() if (left := keys - (marks if each == 0 else 0)) > 0}


def claim(line: Line, point: str) -> bool:
    """Whether an earlier try left keys of that point there. From now on the server says that it is unfinished."""
    line.call("SELECT", 0)
    if _others(line):
        raise UsageError(f"{line.server} is being filled by another restore", "wait for it to end")
    left = read_mark(line)
    if left and left != point:
        raise UsageError(
            f"{line.server} holds an unfinished restore of {left}",
            "restore that point again to finish it, or empty the server yourself (FLUSHALL) for another",
        )
    if not left:
        _insist_on_empty(line)
        if line.call("SET", UNFINISHED, point, "NX") is None:
            raise UsageError(f"{line.server} is being filled by another restore", "wait for it to end")
    return bool(left)


def format_of(line: Line) -> int:
    """The version of the format that the server writes: what is newer, it cannot read."""
    payload = line.call("DUMP", UNFINISHED)
    if not isinstance(payload, bytes):
        raise NotRestorable(f"{line.server} lost what was just put into it", "see who else uses it")
    return split_payload(payload)[2]


def release(line: Line) -> None:
    line.call("SELECT", 0)
    line.call("DEL", UNFINISHED)


def _insist_on_empty(line: Line) -> None:
    if keys := count_keys(line):
        told = ", ".join(f"{counted(count, 'key')} in database {each}" for each, count in sorted(keys.items()))
        raise UsageError(
            f"{line.server} is not empty: it has {told}",
            "name an empty server, or restore to a file and start a server with it; nothing is ever overwritten",
        )


def _others(line: Line) -> bool:
    """Whether somebody else fills it now, as far as one may ask. This line has that name, too."""
    answer = line.ask([("CLIENT", "LIST")])[0]
    return isinstance(answer, bytes) and answer.count(f" name={NAME} ".encode()) > 1


@contextmanager
def filling(server: Server) -> Iterator[Line]:
    """The line over which a server is filled, by a name that tells others so."""
    with server.line(NAME) as line:
        yield line


def explain_busy(line: Line, refused: Refused) -> NotRestorable | None:
    if refused.code != "BUSYKEY":
        return None
    return NotRestorable(
        f"somebody else has put keys into {line.server} while it was filled",
        "stop what uses it, empty it (FLUSHALL) and run the restore again",
    )
