"""The search for the last good state, against looking at every one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drkit.bisect.halving import Verdict, conclude, most_probes, next_probe
from drkit.bisect.moments import Bounds, Grid
from drkit.errors import UsageError
from drkit.restore.plan import Window

AT = datetime(2026, 11, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANY: st.SearchStrategy[Verdict] = st.sampled_from(["good", "bad", "unknown"])


def run(states: list[Verdict], linear: bool = False) -> dict[int, Verdict]:
    known: dict[int, Verdict] = {}
    while (number := next_probe(len(states), known, linear=linear)) is not None:
        assert number not in known
        known[number] = states[number]
    return known


@st.composite
def ruined(draw: st.DrawFn) -> list[Verdict]:
    """Good, then bad for good; some of them cannot be tried."""
    good, bad = draw(st.integers(0, 60)), draw(st.integers(0, 60))
    states: list[Verdict] = ["good"] * good + ["bad"] * bad
    for number in draw(st.sets(st.integers(0, max(good + bad - 1, 0)), max_size=10)):
        if number < len(states):
            states[number] = "unknown"
    return states


@settings(deadline=None)
@given(ruined(), st.booleans())
def test_what_was_good_and_then_bad_is_told_apart_as_if_each_had_been_tried(
    states: list[Verdict], linear: bool
) -> None:
    found = conclude(run(states, linear))
    good = [number for number, state in enumerate(states) if state == "good"]
    bad = [number for number, state in enumerate(states) if state == "bad"]
    assert found.last_good == max(good, default=None)
    assert found.first_bad == min(bad, default=None) or not good


@settings(deadline=None)
@given(st.lists(ANY, max_size=40), st.booleans())
def test_whatever_the_states_what_is_told_was_seen(states: list[Verdict], linear: bool) -> None:
    known = run(states, linear)
    found = conclude(known)
    if linear:
        assert found.last_good == max((n for n, state in enumerate(states) if state == "good"), default=None)
    if found.last_good is None:
        return
    assert known[found.last_good] == "good"
    between = range(found.last_good + 1, len(states) if found.first_bad is None else found.first_bad)
    assert all(known[number] == "unknown" for number in between)
    assert found.first_bad is None or known[found.first_bad] == "bad"


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000), st.booleans())
def test_no_more_states_are_restored_than_was_announced(good: int, bad: int, linear: bool) -> None:
    states: list[Verdict] = ["good"] * good + ["bad"] * bad
    linear = linear and len(states) < 100
    assert len(run(states, linear)) <= most_probes(len(states), linear=linear)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 120)), max_size=4),
    st.one_of(st.none(), st.integers(0, 600)),
    st.one_of(st.none(), st.integers(0, 600)),
    st.integers(1, 40),
)
def test_a_grid_holds_the_ends_of_each_window_and_leaves_no_wider_step_within(
    lengths: list[tuple[int, int]], start: int | None, end: int | None, step: int
) -> None:
    windows, at = [], AT
    for gap, length in lengths:
        begin = at + MINUTE * (gap + 1)
        windows.append(Window("shop/main", begin, at := begin + MINUTE * length))
    bounds = Bounds(*(None if each is None else AT + each * MINUTE for each in (start, end)))
    grid = Grid(windows, bounds, step * MINUTE)
    clipped = [(max(each.start, bounds.start or each.start), min(each.end, bounds.end or each.end)) for each in windows]
    spans = [(first, last) for first, last in clipped if first <= last]
    moments = list(grid)
    assert moments == sorted(set(moments))
    assert all(any(first <= moment <= last for first, last in spans) for moment in moments)
    for first, last in spans:
        inside = [moment for moment in moments if first <= moment <= last]
        assert (inside[0], inside[-1]) == (first, last)
        assert all(after - before <= step * MINUTE for before, after in pairwise(inside))


def test_a_grid_finer_than_clocks_is_refused_and_a_month_by_seconds_takes_no_room() -> None:
    with pytest.raises(UsageError):
        Grid([], Bounds(None, None), timedelta(0))
    grid = Grid([Window("shop/main", AT, AT + timedelta(days=30))], Bounds(None, None), timedelta(seconds=1))
    assert (len(grid), grid[-1]) == (30 * 86400 + 1, AT + timedelta(days=30))
