"""What a backup needs and a server lacks, extensions and ICU, and what of the backup cannot be made without them.

It must not know what a restore makes of that.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from drkit.engines.postgres.archive_head import Contents as Outline
from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.contents import Contents
from drkit.engines.postgres.differences import counted
from drkit.model import Check

EXTENSION, _LIBRARY = "EXTENSION", "LIBRARY"
_TABLE, _ROWS = "TABLE", "TABLE DATA"
_MOST_NAMED = 5
# Who is told of a thing need not be told of what belongs to it.
_UNTOLD = (EXTENSION, _ROWS, "COMMENT", "ACL", "SECURITY LABEL", "SEQUENCE SET", "SEQUENCE OWNED BY")
_WITHOUT = {
    EXTENSION: "not installed on the scratch server",
    _LIBRARY: "the scratch server was built without it (packages of Debian and of PGDG have it)",
}
# initdb makes one collation of each locale that ICU has, where there is ICU
_HAS_ICU = "select exists (select from pg_collation where collprovider = 'i' and collname like '%-x-icu')"
_ICU = re.compile(r"\(provider = icu\b")
# What ICU's own collations are called, with or without their schema: they have no entry that others depend on.
_COLLATED = re.compile(r'\bCOLLATE (?:pg_catalog\.)?(?:"[^"]*-x-icu"|unicode\b)')
_ROUTINES = ("FUNCTION", "PROCEDURE", "COMMENT")  # a body is read when it runs, unless the server has parsed it
_PARSED = "BEGIN ATOMIC"


@dataclass(frozen=True, slots=True)
class Lacking:
    """`belongings` are the entries for what it made, or what names it."""

    name: str
    version: str
    belongings: frozenset[int]
    kind: str = EXTENSION

    @property
    def subject(self) -> str:
        return f"{self.kind.lower()} {self.name}"

    def is_needed_by(self, entry: Entry) -> bool:
        return entry.number in self.belongings or (entry.kind == self.kind and entry.name == self.name)

    def tell(self, lost: Sequence[Entry]) -> Check:
        tables = {each.key for each in lost if each.kind == _TABLE}
        names = [
            f"rows of {each.name}" if each.kind == _ROWS else each.described
            for each in lost
            if each.kind not in _UNTOLD or (each.kind == _ROWS and each.key not in tables)  # of the extension's own
        ]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        along = f"; left out with it: {', '.join(names[:_MOST_NAMED])}{more}" if names else ""
        return Check(self.subject, "not testable", self.version, f"{_WITHOUT[self.kind]}{along}")


def tell_left_out(losses: Sequence[tuple[Lacking, Sequence[Entry]]], contents: Contents) -> str:
    """The tables that did not come back, in words, or nothing. What an extension made itself is the extension's."""
    culprits = [each for each, lost in losses if any(entry.kind == _TABLE for entry in lost)]
    gone = {each.key for _, lost in losses for each in lost if each.kind == _TABLE}
    if not gone:
        return ""
    counts = [table.rows for table in contents.tables if table.key in gone]
    known = [count for count in counts if count is not None]
    rows = f" with {counted(sum(known), 'row')}" if len(known) == len(counts) else ""
    lacks = " and ".join(_by_kind(culprits))
    left_out = f"{counted(len(gone), 'table')}{rows} left out, as the scratch server lacks {lacks}"
    return f"{left_out} (install what is missing there, or drill on a server that has it)"


def _by_kind(culprits: Sequence[Lacking]) -> Iterator[str]:
    for kind in _WITHOUT:
        if names := [each.name for each in culprits if each.kind == kind]:
            yield f"{kind.lower()}{'s' if len(names) > 1 else ''} {', '.join(names)}"


def find_lacking(connection: psycopg.Connection, outline: Outline, contents: Contents) -> list[Lacking]:
    offered = {name for (name,) in connection.execute("select name::text from pg_available_extensions")}
    wanted = sorted(each.name for each in outline.entries if each.kind == EXTENSION)
    extensions = [
        Lacking(name, contents.extensions.get(name, "not known"), frozenset(contents.belongings.get(name, ())))
        for name in wanted
        if name not in offered
    ]
    ((has_icu,),) = connection.execute(_HAS_ICU)
    return extensions if has_icu else [*extensions, *_without_icu(outline.entries)]


def _without_icu(entries: Sequence[Entry]) -> Iterator[Lacking]:
    if needing := frozenset(each.number for each in entries if _names_icu(each)):
        yield Lacking("ICU", f"{counted(len(needing), 'schema object')} with its collations", needing, _LIBRARY)


def _names_icu(entry: Entry) -> bool:
    if entry.kind == "COLLATION":
        return _ICU.search(entry.definition) is not None
    if entry.kind in _ROUTINES and _PARSED not in entry.definition:
        return False
    return _COLLATED.search(entry.definition) is not None


def split(entries: Sequence[Entry], is_lost: Callable[[Entry], bool]) -> tuple[tuple[Entry, ...], list[Entry]]:
    """What stays, and what is lost: with all that cannot be without it."""
    out = {each.number for each in entries if is_lost(each)}
    while more := {each.number for each in entries if out.intersection(each.depends)} - out:
        out |= more
    kept = tuple(each for each in entries if each.number not in out)
    return kept, [each for each in entries if each.number in out]
