"""Values changed in the text of a schedule: what was written around them stays."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drkit.config.editing import add_first, add_key, add_last, insist_on, quoted, replace_item, set_value, spell
from drkit.errors import ConfigError

TEXT = """\
# recipients = ["not this one"]
[store]
recipients = "nor this one"
[encryption]   # keys
recipients = [   # who
  "age1a",  # "ours"
  'age1b'   # theirs, without a comma
]
identity = "file:id" # here
signers=["s1",]
[sources.main]
identity = "nor this"
"""


def test_an_item_is_replaced_and_its_comment_stays() -> None:
    new = replace_item(TEXT, "encryption", "recipients", 0, "age1c")
    assert new == TEXT.replace('"age1a",  # "ours"', '"age1c",  # "ours"')
    assert replace_item(TEXT, "encryption", "recipients", 1, "age1c") == TEXT.replace("'age1b'", '"age1c"')


def test_items_are_added_at_both_ends_and_a_text_becomes_a_list() -> None:
    assert add_last(TEXT, "encryption", "recipients", "age1c") == TEXT.replace("'age1b'", "'age1b', \"age1c\"")
    assert add_last(TEXT, "encryption", "signers", "s2") == TEXT.replace('"s1",', '"s1", "s2",')
    assert add_first(TEXT, "encryption", "signers", "s0") == TEXT.replace('"s1",', '"s0", "s1",')
    assert add_first(TEXT, "encryption", "identity", "file:new") == TEXT.replace(
        '"file:id" # here', '["file:new", "file:id"] # here'
    )


def test_a_key_gets_a_line_of_its_own_and_a_value_is_set_as_a_whole() -> None:
    assert add_key(TEXT, "encryption", "recipients", "former_recipients", ["x"]) == TEXT.replace(
        "]\nidentity", ']\nformer_recipients = ["x"]\nidentity', 1
    )
    last = TEXT.removesuffix("\n")
    assert add_key(last, "sources.main", "identity", "more", "x") == f'{last}\nmore = "x"\n'
    assert set_value(TEXT, "encryption", "recipients", ["y"]).count('recipients = ["y"]\nidentity') == 1


UNSURE = (
    "encryption = { recipients = ['a'] }",
    "encryption.recipients = ['a']",
    "[encryption]\nrecipients = 3",
    "[encryption]\nrecipients = []",
    "[encryption]\nrecipients = ['a'",
    "[encryption]\nother = ['a']\n[more]\nrecipients = ['a']",
)


@pytest.mark.parametrize("text", UNSURE)
def test_what_is_written_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not written in a way"):
        replace_item(text, "encryption", "recipients", 0, "b")


@pytest.mark.parametrize(
    "text",
    [
        '[encryption]\nrecipients = """a"""',
        '[encryption]\nother = """\nrecipients = ["a"]\n"""\nrecipients = ["a"]',
        '["encryption"]\nrecipients = ["a"]\n[other]\n x = """\n[encryption]\nrecipients = ["a"]"""',
    ],
)
def test_a_change_that_hits_something_else_is_found_out(text: str) -> None:
    after = replace_item(text, "encryption", "recipients", 0, "b")
    with pytest.raises(ConfigError, match="not written in a way"):
        insist_on(text, after, "encryption", {"recipients": ["b"]})


@given(st.lists(st.text(), min_size=1), st.data())
def test_whatever_the_items_are_only_the_one_that_is_meant_changes(items: list[str], data: st.DataObject) -> None:
    number, new = data.draw(st.integers(0, len(items) - 1)), data.draw(st.text())
    text = f"[encryption]\nrecipients = {spell(items)}  # who\nsigners = {quoted(new)}\n"
    after = replace_item(text, "encryption", "recipients", number, new)
    insist_on(text, after, "encryption", {"recipients": [*items[:number], new, *items[number + 1 :]]})
    more = add_last(add_first(after, "encryption", "signers", "first"), "encryption", "recipients", "last")
    assert tomllib.loads(more)["encryption"] == {
        "recipients": [*items[:number], new, *items[number + 1 :], "last"],
        "signers": ["first", new],
    }
