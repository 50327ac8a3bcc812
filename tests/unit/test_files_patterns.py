import pytest

from drkit.engines.files.patterns import parse_selection
from drkit.errors import ConfigError


@pytest.mark.parametrize(
    ("pattern", "path", "taken"),
    [
        ("a", "a", True),
        ("a", "a/b/c", True),
        ("a", "b/a", False),
        ("a", "ab", False),
        ("*.log", "x.log", True),
        ("*.log", ".log", True),
        ("*.log", "d/x.log", False),
        ("*.log", "x.log\n", False),
        ("*.log", "x\n.log", True),
        ("**/*.log", "x.log", True),
        ("**/*.log", "a/b/x.log", True),
        ("a/**", "a", False),
        ("a/**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "ab/z", False),
        ("**", "anything/at all", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab]x", "bx", True),
        ("[!ab]x", "cx", True),
        ("[!ab]x", "ax", False),
        ("[a-c]x", "bx", True),
        ("[]]x", "]x", True),
        ("[!]]x", "]x", False),
        ("[x", "[x", True),
        ("[b-a]", "a", False),
        ("a.c", "abc", False),
        ("(a|b)+", "(a|b)+", True),
        ("*", ".hidden", True),
        ("naïve*", "naïve \udcff", True),
    ],
)
def test_a_pattern_means_what_its_writer_had_in_mind(pattern: str, path: str, taken: bool) -> None:
    assert parse_selection((pattern,), ()).takes(path) is taken
    assert parse_selection((), (pattern,)).takes(path) is not taken


def test_no_pattern_takes_everything() -> None:
    assert parse_selection((), ()).takes("any/thing")


def test_exclude_wins_over_include() -> None:
    selection = parse_selection(("docs",), ("**/*.tmp",))
    assert selection.takes("docs/a.txt")
    assert not selection.takes("docs/a.tmp")


def test_a_folder_is_entered_only_where_something_in_it_can_be_taken() -> None:
    selection = parse_selection(("etc/app/**/*.conf", "var"), ("etc/app/old",))
    assert [folder for folder in ("etc", "etc/app", "etc/app/x/y", "var/log") if not selection.enters(folder)] == []
    assert [folder for folder in ("usr", "etc/other", "etc/app/old", "etc/app/old/x") if selection.enters(folder)] == []


@pytest.mark.parametrize("pattern", ["", "/etc", "a//b", "a/", "./a", "a/../b", "a**", "**b/c", "a/***"])
def test_a_pattern_that_could_never_match_as_meant_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_selection((), (pattern,))
    assert repr(pattern) in str(refusal.value)
    assert refusal.value.hint
