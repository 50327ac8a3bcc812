"""Extensions that a backup has and a server lacks, and what of the backup cannot be made without them.

It must not know what a restore makes of that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.archive_head import Contents as Outline
from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.contents import Contents
from drkit.engines.postgres.differences import counted
from drkit.model import Check

EXTENSION = "EXTENSION"
_TABLE, _ROWS = "TABLE", "TABLE DATA"
_MOST_NAMED = 5
# Who is told of a thing need not be told of what belongs to it.
_UNTOLD = (EXTENSION, _ROWS, "COMMENT", "ACL", "SECURITY LABEL", "SEQUENCE SET", "SEQUENCE OWNED BY")


@dataclass(frozen=True, slots=True)
class Lacking:
    """`belongings` are the entries for what it made."""

    name: str
    version: str
    belongings: frozenset[int]

    def is_needed_by(self, entry: Entry) -> bool:
        return entry.number in self.belongings or (entry.kind == EXTENSION and entry.name == self.name)

    def tell(self, lost: Sequence[Entry]) -> Check:
        tables = {each.key for each in lost if each.kind == _TABLE}
        names = [
            f"rows of {each.name}" if each.kind == _ROWS else each.described
            for each in lost
            if each.kind not in _UNTOLD or (each.kind == _ROWS and each.key not in tables)  # of the extension's own
        ]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        along = f"; left out with it: {', '.join(names[:_MOST_NAMED])}{more}" if names else ""
        told = f"not installed on the scratch server{along}"
        return Check(f"extension {self.name}", "not testable", self.version, told)


def tell_left_out(losses: Sequence[tuple[Lacking, Sequence[Entry]]], contents: Contents) -> str:
    """The tables that did not come back, in words, or nothing. What an extension made itself is the extension's."""
    culprits = [extension.name for extension, lost in losses if any(each.kind == _TABLE for each in lost)]
    gone = {each.key for _, lost in losses for each in lost if each.kind == _TABLE}
    if not gone:
        return ""
    counts = [table.rows for table in contents.tables if table.key in gone]
    known = [count for count in counts if count is not None]
    rows = f" with {counted(sum(known), 'row')}" if len(known) == len(counts) else ""
    lacks = f"extension{'s' if len(culprits) > 1 else ''} {', '.join(culprits)}"
    left_out = f"{counted(len(gone), 'table')}{rows} left out, as the scratch server lacks {lacks}"
    return f"{left_out} (install what is missing there, or drill on a server that has it)"


def find_lacking(connection: psycopg.Connection, outline: Outline, contents: Contents) -> list[Lacking]:
    offered = {name for (name,) in connection.execute("select name::text from pg_available_extensions")}
    wanted = sorted(each.name for each in outline.entries if each.kind == EXTENSION)
    return [
        Lacking(name, contents.extensions.get(name, "not known"), frozenset(contents.belongings.get(name, ())))
        for name in wanted
        if name not in offered
    ]


def split(entries: Sequence[Entry], is_lost: Callable[[Entry], bool]) -> tuple[tuple[Entry, ...], list[Entry]]:
    """What stays, and what is lost: with all that cannot be without it."""
    out = {each.number for each in entries if is_lost(each)}
    while more := {each.number for each in entries if out.intersection(each.depends)} - out:
        out |= more
    kept = tuple(each for each in entries if each.number not in out)
    return kept, [each for each in entries if each.number in out]
