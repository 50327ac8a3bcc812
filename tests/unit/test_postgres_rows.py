"""Which rows differ, in words that a person can use."""

from drkit.engines.postgres.rows import find_difference, name_row


def test_a_changed_row_is_one_missing_and_one_extra_and_named_once_by_its_key():
    found = find_difference(lambda: iter([b"41\ta\n42\tb\n"]), lambda: iter([b"41\ta\n42\tc\n"]), [("id", 0)])
    assert (found.missing, found.extra, found.examples, found.exact) == (1, 1, ("id=42",), True)


def test_a_key_of_two_columns_is_named_whole_and_in_the_order_given():
    assert name_row(b"Delft\tx\t7", [("number", 2), ("place", 0)]) == "number=7, place=Delft"


def test_values_are_unescaped_and_what_a_terminal_would_obey_is_spelled_out():
    row = rb"a\tb\\c\ne" + b"\x1b[31m\t" + rb"\N" + b"\t\\\\N"
    shown = name_row(row, [("text", 0), ("none", 1), ("not none", 2)])
    assert shown == r"text=a\tb\c\ne\x1b[31m, none=NULL, not none=\N"


def test_a_long_value_is_cut():
    assert name_row(b"x" * 1_000_000, [("id", 0)]) == f"id={'x' * 39}…"


def test_values_are_read_in_the_encoding_of_the_database():
    assert name_row("café".encode("latin-1"), [("name", 0)], "latin-1") == "name=café"


def test_without_a_key_no_row_is_shown():
    found = find_difference(lambda: iter([b"secret\n"]), lambda: iter([]), [])
    assert (found.missing, found.extra, found.examples) == (1, 0, ())


def test_rows_in_another_order_are_no_difference():
    found = find_difference(lambda: iter([b"1\n2\n2\n"]), lambda: iter([b"2\n1\n", b"2\n"]), [("id", 0)])
    assert (found.missing, found.extra, found.exact) == (0, 0, True)


def test_rows_without_columns_are_counted():
    found = find_difference(lambda: iter([b"\n\n\n"]), lambda: iter([b"\n"]), [("id", 0)])
    assert (found.missing, found.extra) == (2, 0)


def test_rows_of_many_megabytes_are_told_apart_by_their_last_byte_however_they_are_cut():
    start = b"7\t" + b"x" * 5_000_000
    backup = [start, b"a\n8\tsmall\n"]
    same = find_difference(lambda: iter(backup), lambda: iter([b"".join(backup)]), [("id", 0)])
    assert (same.missing, same.extra) == (0, 0)
    other = find_difference(lambda: iter(backup), lambda: iter([start[:9], start[9:] + b"b\n8\tsmall\n"]), [("id", 0)])
    assert (other.missing, other.extra, other.examples) == (1, 1, ("id=7",))


def test_a_hundred_thousand_differing_rows_are_counted_in_a_room_of_a_thousand():
    backup = b"".join(b"%d\ta\n" % number for number in range(100_000))
    restored = backup.replace(b"a", b"b")
    found = find_difference(lambda: iter([backup]), lambda: iter([restored[:-16]]), [("id", 0)], held=1000)
    assert not found.exact
    assert 50_000 < found.missing <= 100_000  # nearly every bucket has one at least
    assert len(found.examples) == 5
