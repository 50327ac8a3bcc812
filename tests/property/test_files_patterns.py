import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from drkit.engines.files.patterns import parse_selection

NAMES = st.text("ab.\n[]-!é", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
STEPS = st.one_of(
    st.just("**"),
    st.text("ab.*?[]!-\n", min_size=1, max_size=6).filter(lambda step: "**" not in step and step not in (".", "..")),
)
PATHS = st.lists(NAMES, min_size=1, max_size=5)
PATTERNS = st.lists(STEPS, min_size=1, max_size=4)


def matches(steps: list[str], names: list[str]) -> bool:
    """The meaning of a pattern, spelled out one name at a time."""
    if not steps:
        return not names
    if steps == ["**"]:
        return bool(names)
    if steps[0] == "**":
        return matches(steps[1:], names) or (bool(names) and matches(steps, names[1:]))
    return bool(names) and fnmatch.fnmatchcase(names[0], steps[0]) and matches(steps[1:], names[1:])


def takes(steps: list[str], names: list[str]) -> bool:
    return any(matches(steps, names[:count]) for count in range(1, len(names) + 1))


@given(PATTERNS, PATHS)
def test_a_pattern_takes_what_its_meaning_spelled_out_takes(steps: list[str], names: list[str]) -> None:
    assert parse_selection(("/".join(steps),), ()).takes("/".join(names)) == takes(steps, names)


@given(st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3), PATHS)
def test_every_folder_above_a_taken_path_is_entered(
    include: list[list[str]], exclude: list[list[str]], names: list[str]
) -> None:
    selection = parse_selection(tuple(map("/".join, include)), tuple(map("/".join, exclude)))
    taken = selection.takes("/".join(names))
    assert taken == (
        (not include or any(takes(steps, names) for steps in include))
        and not any(takes(steps, names) for steps in exclude)
    )
    if taken:
        assert all(selection.enters("/".join(names[:count])) for count in range(1, len(names)))
