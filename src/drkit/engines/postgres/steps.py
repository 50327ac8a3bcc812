"""What to do around a dump, one statement a line, for drkit and for a shell alike: the piece `steps`.

It knows the form of the lines, and nothing of what the statements mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from drkit.engines.postgres.names import quote_name
from drkit.errors import IntegrityError

PIECE = "steps"
TARGET = ':"target"'  # as psql writes a variable that holds a name
# A text or a name in quotes is passed over whole, so that what stands in it is never taken for the target.
_TARGET_OR_QUOTED = re.compile(r""":"target"|'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*\"""")


@dataclass(frozen=True, slots=True)
class Copy:
    piece: str
    statement: str


@dataclass(frozen=True, slots=True)
class Steps:
    """`roles` come before the database, `settings` after its data. `notes` tell what could not be captured."""

    roles: tuple[str, ...]
    create: str
    copies: tuple[Copy, ...]
    settings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def format_steps(steps: Steps) -> bytes:
    lines = [
        *(f"note\t{' '.join(note.split())}" for note in steps.notes),
        *(f"role\t{statement}" for statement in steps.roles),
        f"create\t{steps.create}",
        *(f"copy\t{copy.piece}\t{copy.statement}" for copy in steps.copies),
        *(f"setting\t{statement}" for statement in steps.settings),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def parse_steps(text: bytes) -> Steps:
    found: dict[str, list[str]] = {"note": [], "role": [], "create": [], "copy": [], "setting": []}
    for number, line in _lines(text):
        word, _, rest = line.partition("\t")
        if word not in found or not rest or ("\t" in rest) != (word == "copy"):
            raise _unreadable(f"line {number} is not one that this version knows")
        found[word].append(rest)
    if len(found["create"]) != 1:
        raise _unreadable(f"{len(found['create'])} of its lines create the database, and one must")
    copies = [line.partition("\t") for line in found["copy"]]
    return Steps(
        tuple(found["role"]),
        found["create"][0],
        tuple(Copy(piece, statement) for piece, _, statement in copies),
        tuple(found["setting"]),
        tuple(found["note"]),
    )


def aim(statement: str, database: str) -> str:
    """The statement with the database's name in the place that is kept for it."""
    name = quote_name(database)
    return _TARGET_OR_QUOTED.sub(lambda match: name if match[0] == TARGET else match[0], statement)


def _lines(text: bytes) -> Iterator[tuple[int, str]]:
    try:
        *lines, rest = text.decode().split("\n")
    except UnicodeDecodeError:
        raise _unreadable("it is not UTF-8") from None
    if rest:
        raise _unreadable("it ends in the middle of a line")
    return enumerate(lines, start=1)


def _unreadable(why: str) -> IntegrityError:
    return IntegrityError(f"the piece {PIECE} cannot be read: {why}", "update drkit, or restore another backup")
