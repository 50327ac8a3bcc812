"""Which entries of an archive make some tables whole: what belongs to them, and what all that needs.

Pure: it reads an archive's contents and decides. It must not know of servers, nor of where rows lie.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from drkit.engines.postgres.archive_head import Contents, Entry, Table
from drkit.errors import UsageError

_TABLES = ("TABLE", "FOREIGN TABLE")
_VIEWS = ("VIEW", "MATERIALIZED VIEW")
_INDEXES = ("INDEX", "CONSTRAINT")
# What belongs to a table is named as the table, as the table and something more, or as it likes.
_NAMED_ALIKE = ("TABLE DATA", "ROW SECURITY", "STATISTICS DATA")
_NAMED_AFTER = ("DEFAULT", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "RULE", "POLICY")
_NAMED_FREELY = ("INDEX", "STATISTICS", "SEQUENCE")
_REMARKS = ("COMMENT", "ACL", "SECURITY LABEL")
_PART = r'"(?:[^"]|"")+"|[^".]+'
_WANTED = re.compile(rf"(?:({_PART})\.)?({_PART})")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """`entries` are in the archive's order. Only `tables` get rows: any other table among the entries stays empty."""

    entries: tuple[Entry, ...]
    tables: frozenset[Table]
    notes: tuple[str, ...]


def select(contents: Contents, wanted: Iterable[str]) -> Selection:
    """`wanted` are names, with a schema or without, quoted as in SQL where they are odd.

    Raises UsageError for one that fits no table, or several.
    """
    archive = _Archive(contents.entries)
    chosen = archive.with_partitions(_find(contents.entries, each) for each in wanted)
    notes = list(archive.lone_partitions(chosen))
    taken = set(chosen)
    for table, each in archive.belongings(chosen):
        if others := archive.missing_references(each, chosen):
            name = each.name.removeprefix(f"{table.name} ")
            notes.append(f"the foreign key {name} of {spell(table.key)} is left out: {others} is not chosen")
        else:
            taken.add(each.number)
    # pg_dump does not tell which functions come from an extension, so nobody can tell who needs it
    taken |= {each.number for each in contents.entries if each.kind == "EXTENSION"}
    for needed, by in archive.add_needs(taken):
        if needed.kind in _TABLES:
            notes.append(f"{spell(needed.key)} is created without rows: the {by.kind.lower()} {by.name} needs it")
    archive.add_links(taken, chosen)
    entries = tuple(each for each in contents.entries if each.number in taken)
    return Selection(entries, frozenset(each.key for each in entries if each.number in chosen), tuple(notes))


def list_file(entries: Iterable[Entry]) -> bytes:
    """For pg_restore --use-list, which keeps this order."""
    return b"".join(b"%d;\n" % each.number for each in entries)


def spell(table: Table) -> str:
    """As a person would type it."""
    parts = [each if _PLAIN.fullmatch(each) else '"' + each.replace('"', '""') + '"' for each in table if each]
    return ".".join(parts)


class _Archive:
    """What hangs together with what."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._numbered = {each.number: each for each in entries}
        self._parents = dict(self._attachments())

    def with_partitions(self, tables: Iterable[int]) -> set[int]:
        chosen = set(tables)
        while more := {child for child, parent in self._parents.items() if parent in chosen} - chosen:
            chosen |= more
        return chosen

    def lone_partitions(self, chosen: set[int]) -> Iterator[str]:
        for child, parent in self._parents.items():
            if child in chosen and parent not in chosen:
                names = [spell(self._numbered[number].key) for number in (child, parent)]
                yield f"{names[0]} becomes a table of its own: {names[1]}, which it is a partition of, is not chosen"

    def belongings(self, chosen: set[int]) -> Iterator[tuple[Entry, Entry]]:
        """A table, and what is part of it."""
        for each in self._entries:
            tables = [self._numbered[number] for number in chosen.intersection(each.depends)]
            yield from ((table, each) for table in tables if _belongs(each, table))

    def missing_references(self, entry: Entry, chosen: set[int]) -> str:
        """The tables that a foreign key needs with their rows, if they are not chosen."""
        if entry.kind != "FK CONSTRAINT":
            return ""
        missing = dict.fromkeys(number for number in self._tables(entry) if number not in chosen)
        return ", ".join(spell(self._numbered[number].key) for number in missing)

    def add_needs(self, taken: set[int]) -> Iterator[tuple[Entry, Entry]]:
        """What was added, and for whom."""
        waiting = sorted(taken)
        while waiting:
            entry = self._numbered[waiting.pop()]
            for number in entry.depends:
                needed = self._numbered.get(number)
                if needed and number not in taken and not self._is_loose(entry, needed):
                    taken.add(number)
                    waiting.append(number)
                    yield needed, entry

    def add_links(self, taken: set[int], chosen: set[int]) -> None:
        """What says how the taken ones stand to each other, what they stand at, and what is remarked on them."""
        for each in self._entries:
            first = each.depends[0] if each.depends else None
            owner = self._numbered.get(first) if first else None
            match each.kind:
                case "SEQUENCE SET":
                    fits = first in taken
                case "SEQUENCE OWNED BY":
                    fits = first in taken and owner is not None and taken.issuperset(self._tables(owner))
                case "TABLE ATTACH" | "INDEX ATTACH":
                    fits = chosen.issuperset(self._tables(each))
                case "STATISTICS DATA":
                    fits = any(number in taken and self._kind(number) in _INDEXES for number in each.depends)
                case _:
                    fits = False
            if fits:
                taken.add(each.number)
        remarks = [each for each in self._entries if each.kind in _REMARKS]
        taken.update(each.number for each in remarks if taken.intersection(each.depends[:1]))

    def _attachments(self) -> Iterator[tuple[int, int]]:
        for each in self._entries:
            if each.kind == "TABLE ATTACH":
                tables = self._tables(each)
                yield from (
                    (child, parent)
                    for child in tables
                    for parent in tables
                    if child != parent and self._numbered[child].key == each.key
                )

    def _tables(self, entry: Entry) -> list[int]:
        return [number for number in entry.depends if self._kind(number) in _TABLES]

    def _kind(self, number: int) -> str:
        entry = self._numbered.get(number)
        return entry.kind if entry else ""

    def _is_loose(self, entry: Entry, needed: Entry) -> bool:
        """A partition and its indexes stand without their parents, and a sequence without the table that owns it."""
        if entry.kind == "SEQUENCE":
            return needed.kind in _TABLES and not entry.definition.lstrip().startswith("ALTER TABLE")  # an identity
        between_indexes = entry.kind in _INDEXES and needed.kind in _INDEXES
        return between_indexes or self._parents.get(entry.number) == needed.number


def _belongs(entry: Entry, table: Entry) -> bool:
    if entry.kind in _NAMED_FREELY:
        return True
    if entry.kind in _NAMED_ALIKE:
        return entry.key == table.key
    return entry.kind in _NAMED_AFTER and entry.schema == table.schema and entry.name.startswith(f"{table.name} ")


def _find(entries: Sequence[Entry], text: str) -> int:
    tables = [each for each in entries if each.kind in _TABLES]
    for schema, name in _readings(text):
        found = [each for each in tables if each.name == name and schema in (None, each.schema)]
        if len(found) == 1:
            return found[0].number
        if found:
            raise UsageError(
                f"the backup has {len(found)} tables called {text}",
                f"say which: {', '.join(spell(each.key) for each in found)}",
            )
        if any(each.kind in _VIEWS and each.name == name and schema in (None, each.schema) for each in entries):
            raise UsageError(f"{text} is a view and has no rows of its own", "name the tables that it reads")
    raise UsageError(f"the backup has no table called {text}", _suggest(text, [each.key for each in tables]))


def _readings(text: str) -> Iterator[tuple[str | None, str]]:
    """What a person may mean: the name as it stands, or as SQL reads it, or a name with a dot in it."""
    if match := _WANTED.fullmatch(text):
        yield _plain(match[1], fold=False), _plain(match[2], fold=False) or ""
        yield _plain(match[1], fold=True), _plain(match[2], fold=True) or ""
    yield None, text


def _plain(part: str | None, *, fold: bool) -> str | None:
    if part and part.startswith('"'):
        return part[1:-1].replace('""', '"')
    return part.lower() if part and fold else part


def _suggest(text: str, tables: Sequence[Table]) -> str:
    forms = {table: (spell(table), table[1]) for table in tables}
    close = get_close_matches(text, {form for each in forms.values() for form in each}, _MOST_NAMED)
    named = [spell(table) for form in close for table in tables if form in forms[table]]
    if named:
        return f"it has {', '.join(dict.fromkeys(named))}"
    some = ", ".join(spell(table) for table in tables[:_MOST_NAMED])
    return f"it has {some}{' and others' if len(tables) > _MOST_NAMED else ''}"
