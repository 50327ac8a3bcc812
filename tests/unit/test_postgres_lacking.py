"""What of an archive is lost without an extension: all that depends on it, and what it made."""

from drkit.engines.postgres.archive_head import Entry
from drkit.engines.postgres.lacking import Lacking, split

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
    check = lacking.tell([EXTENSION, ROWS, *[OTHER] * 7])
    assert (check.name, check.outcome, check.expected) == ("extension hstore", "not testable", "1.8")
    assert check.actual.endswith(f"left out with it: {', '.join(['table plain'] * 5)} and 2 more")
    assert lacking.tell([EXTENSION]).actual == "not installed on the scratch server"
