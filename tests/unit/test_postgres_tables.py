"""Patterns that choose schemas and tables."""

import pytest

from drkit.engines.postgres.tables import Table, match_schemas, match_tables
from drkit.errors import CaptureError


def table(number: int, name: str, schema: str = "public", parents: tuple[int, ...] = ()) -> Table:
    return Table(number, schema, name, "r", True, ("a",), parents)


TABLES = [
    table(1, "orders"),
    table(2, "orders", "audit"),
    table(3, "events_2025", parents=(4,)),
    table(4, "events", parents=(5,)),
    table(5, "all_events"),
    table(6, "odd.name"),
    table(7, "a*b"),
    table(8, "line\nfeed"),
]


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("orders", {1, 2}),
        ("audit.orders", {2}),
        ("audit.*", {2}),
        ("*", set(range(1, 9))),
        ("order?", {1, 2}),
        ("order", set()),
        ("Orders", set()),
        ("odd.name", {6}),
        ("public.odd.name", {6}),
        ("line*", {8}),
        ("[a]*", set()),
        ("all_events", {3, 4, 5}),
        ("events", {3, 4}),
        ("events_2025", {3}),
    ],
)
def test_a_pattern_means_these_tables_and_what_they_are_made_of(pattern: str, numbers: set[int]) -> None:
    assert match_tables([pattern], TABLES) == numbers


def test_several_patterns_add_up() -> None:
    assert match_tables(["audit.*", "events_2025"], TABLES) == {2, 3}
    assert match_tables([], TABLES) == set()


def test_schemas_are_chosen_once_each_in_the_order_of_the_patterns() -> None:
    assert match_schemas(["s*", "public", "shop"], ["public", "shop", "stock"]) == ["shop", "stock", "public"]


def test_a_schema_that_is_not_there_is_refused_by_those_that_are() -> None:
    with pytest.raises(CaptureError, match="no schema matches 'shopp'; the database has public, shop"):
        match_schemas(["shopp"], ["public", "shop"])
