"""What of an archive is lost without an extension: all that depends on it, and what it made."""

from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.contents import DUMP, Contents, Segment, TableContents
from drkit.engines.postgres.digest import LargeObjects
from drkit.engines.postgres.lacking import Lacking, split, tell_left_out

EXTENSION = Entry(1, "EXTENSION", "", "hstore", "", "", "", (), has_data=False)
TABLE = Entry(2, "TABLE", "public", "tagged", "", "", "", (1,), has_data=False)
ROWS = Entry(3, "TABLE DATA", "public", "tagged", "", "", "", (2,), has_data=True)
VIEW = Entry(4, "VIEW", "public", "tags", "", "", "", (2, 5), has_data=False)
OTHER = Entry(5, "TABLE", "public", "plain", "", "", "", (), has_data=False)
ROWS_OF_ITS_OWN = Entry(6, "TABLE DATA", "hstore", "settings", "", "", "", (7,), has_data=True)
ENTRIES = (EXTENSION, TABLE, ROWS, VIEW, OTHER, ROWS_OF_ITS_OWN)


def test_what_depends_on_the_extension_by_any_way_is_lost_and_nothing_else() -> None:
    kept, lost = split(ENTRIES, Lacking("hstore", "1.8", frozenset([6])).is_needed_by)
    assert kept == (OTHER,)
    assert lost == [EXTENSION, TABLE, ROWS, VIEW, ROWS_OF_ITS_OWN]


def test_what_is_needed_by_something_that_is_lost_stays() -> None:
    kept, lost = split(ENTRIES, lambda entry: entry is VIEW)
    assert lost == [VIEW]
    assert len(kept) == len(ENTRIES) - 1


def test_the_first_names_are_told_and_the_number_of_the_others() -> None:
    lacking = Lacking("hstore", "1.8", frozenset())
    check = lacking.tell([EXTENSION, *[OTHER] * 7])
    assert (check.name, check.outcome, check.expected) == ("extension hstore", "not testable", "1.8")
    assert check.actual.endswith(f"left out with it: {', '.join(['table plain'] * 5)} and 2 more")
    assert lacking.tell([EXTENSION]).actual == "not installed on the scratch server"


def test_the_rows_of_a_table_that_is_lost_are_told_with_it_and_those_of_the_extension_s_own_by_themselves() -> None:
    told = Lacking("hstore", "1.8", frozenset()).tell([EXTENSION, TABLE, ROWS, ROWS_OF_ITS_OWN]).actual
    assert told.endswith("left out with it: table tagged, rows of settings")


def contents_with(*tables: tuple[str, int | None]) -> Contents:
    held = tuple(TableContents("public", name, ("id",), (Segment(DUMP, rows),)) for name, rows in tables)
    return Contents(150018, 15, "UTF8", "full", held, {}, LargeObjects(0, 0, None), (), {})


def test_tables_that_are_lost_are_counted_with_their_rows_and_the_extension_is_named() -> None:
    hstore, other = Lacking("hstore", "1.8", frozenset()), Lacking("trigrams", "1", frozenset())
    losses = [(hstore, [EXTENSION, TABLE, ROWS, OTHER]), (other, [VIEW])]
    told = tell_left_out(losses, contents_with(("tagged", 4000), ("plain", 100), ("kept", 7)))
    assert told.startswith("2 tables with 4100 rows left out, as the scratch server lacks extension hstore (")
    told = tell_left_out(losses, contents_with(("tagged", None), ("plain", 100)))
    assert told.startswith("2 tables left out, as the scratch server lacks extension hstore (")


def test_an_extension_that_takes_no_table_with_it_leaves_no_table_out() -> None:
    losses = [(Lacking("hstore", "1.8", frozenset([6])), [EXTENSION, VIEW, ROWS_OF_ITS_OWN])]
    assert tell_left_out(losses, contents_with(("plain", 100))) == ""


def test_extensions_and_icu_that_take_tables_with_them_are_named_together() -> None:
    lost = [(Lacking(name, "1", frozenset()), [TABLE]) for name in ("hstore", "trigrams")]
    told = tell_left_out([*lost, (Lacking("ICU", "", frozenset([5]), "LIBRARY"), [OTHER])], contents_with())
    assert "as the scratch server lacks extensions hstore, trigrams and library ICU (" in told
