"""The piece `steps`, and the spelling of what is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.postgres.assignments import spell_assignment
from drkit.engines.postgres.names import pattern, quote_name, quote_text, read_name
from drkit.engines.postgres.steps import Copy, Steps, aim, format_steps, parse_steps
from drkit.errors import IntegrityError

CREATE = 'CREATE DATABASE :"target" WITH TEMPLATE template0'
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def test_names_and_texts_are_quoted_as_sql_wants_them() -> None:
    assert quote_name('a"b') == '"a""b"'
    assert quote_name("back\\slash") == '"back\\slash"'
    assert quote_name('"\t\\') == 'U&"""\\0009\\\\"'
    assert quote_text("it's") == "'it''s'"
    assert quote_text("\\'") == "E'\\\\'''"
    assert quote_text("\n1") == "E'\\0121'"
    assert pattern("public", 'a"*') == '"public"."a""*"'
    assert pattern("a.b") == '"a.b"'


@given(texts)
def test_a_quoted_name_stands_in_one_line_and_is_read_as_it_was(name: str) -> None:
    quoted = quote_name(name)
    assert not {"\t", "\n", "\r"} & {*quoted, *quote_text(name)}
    assert read_name(quoted) == name


@given(
    st.lists(texts.map(lambda text: f"CREATE ROLE {quote_name(text)} PASSWORD {quote_text(text)}")),
    st.lists(texts.map(lambda text: Copy("data-00001", f"COPY {quote_name(text)} FROM STDIN"))),
)
def test_steps_are_read_as_they_were_written(statements: list[str], copies: list[Copy]) -> None:
    steps = Steps(tuple(statements), CREATE, tuple(copies), tuple(statements), ("a note",))
    assert parse_steps(format_steps(steps)) == steps


def test_the_lines_are_what_a_shell_can_read() -> None:
    steps = Steps(("R",), "C", (Copy("data-00001", "COPY"),), ("S",), ("of two\nlines",))
    assert format_steps(steps) == b"note\tof two lines\nrole\tR\ncreate\tC\ncopy\tdata-00001\tCOPY\nsetting\tS\n"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"role\tR\n",
        b"create\tC\ncreate\tC\n",
        b"create\tC\nrole\tR",
        b"create\tC\nrole\n",
        b"create\tC\nrole\tR\tS\n",
        b"create\tC\ncopy\tdata-00001\n",
        b"create\tC\nmagic\tM\n",
        b"create\tC\n\n",
        b"create\tC\nrole\t\xff\n",
    ],
)
def test_steps_of_another_form_are_refused(text: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        parse_steps(text)
    assert caught.value.hint


def test_the_target_is_named_only_where_a_place_is_kept_for_it() -> None:
    assert aim(CREATE, 'a"b') == 'CREATE DATABASE "a""b" WITH TEMPLATE template0'
    kept = """COMMENT ON DATABASE :"target" IS E'\\\\'':"target"' """
    assert aim(kept, "x") == """COMMENT ON DATABASE "x" IS E'\\\\'':"target"' """
    granted = 'GRANT CONNECT ON DATABASE :"target" TO ":""target"""'
    assert aim(granted, "x") == 'GRANT CONNECT ON DATABASE "x" TO ":""target"""'


@pytest.mark.parametrize(
    ("kept", "spelled"),
    [
        ("work_mem=5MB", "\"work_mem\" = '5MB'"),
        ("app.secret=a=b, c", "\"app.secret\" = 'a=b, c'"),
        ('search_path="$user", public, "a,b", "C""d"', "\"search_path\" = '$user', 'public', 'a,b', 'C\"d'"),
        ('search_path=""', "\"search_path\" = ''"),
        ("temp_tablespaces=", "\"temp_tablespaces\" = ''"),
        ("DateStyle=ISO, DMY", "\"DateStyle\" = 'ISO, DMY'"),
    ],
)
def test_a_setting_is_spelled_so_that_the_same_is_kept_again(kept: str, spelled: str) -> None:
    assert spell_assignment(kept) == spelled
