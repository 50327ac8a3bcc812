"""The log cut into portions: whatever comes and whenever it is cut, the bytes are all there, once, and as they came."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from drkit import catalog
from drkit.catalog import NOTHING_KNOWN, Span
from drkit.follow.cutting import Cutter, Portion
from drkit.follow.resume import Resume

UNIT = 64
BODY = Random(1).randbytes(2000)
AT = datetime(2026, 11, 20, tzinfo=UTC)
sizes = st.lists(st.tuples(st.integers(0, 150), st.booleans(), st.booleans()), max_size=25)


def portions(resume: Resume, steps: list[tuple[int, bool, bool]]) -> tuple[list[Portion], Cutter]:
    """Each step brings so many bytes, which may be all there is so far, and may be followed by a cut."""
    cutter, found, at = Cutter("7", resume), [], resume.listen_from
    for number, (size, caught_up, cut) in enumerate(steps):
        data = BODY[at : at + size]
        at += len(data)
        found += cutter.add(data, AT + timedelta(seconds=number) if caught_up else None)
        if cut:
            found += cutter.cut()
    found += cutter.cut()
    return found, cutter


def resume_at(listen_from: int, store_from: int, small: tuple[Span, ...] = ()) -> Resume:
    return Resume(1, listen_from, store_from, NOTHING_KNOWN, small, UNIT, begins=False)


@given(sizes, st.integers(0, 3), st.integers(0, UNIT - 1))
def test_what_is_stored_are_the_bytes_of_the_log_without_a_gap(
    steps: list[tuple[int, bool, bool]], unit: int, offset: int
) -> None:
    start = unit * UNIT
    before = (Span("7", 1, start, start + offset, NOTHING_KNOWN),) if offset else ()
    found, cutter = portions(resume_at(start, start + offset, before), steps)
    for portion in found:
        assert bytes(portion.data) == BODY[portion.span.start : portion.span.end]
        assert portion.span.start // UNIT == (portion.span.end - 1) // UNIT
    spans = [*before, *(portion.span for portion in found)]
    if cutter.position > start + offset:
        [run] = catalog.join_spans(spans)
        assert (run.start, run.end) == (start, cutter.position)


@given(sizes)
def test_without_what_a_portion_replaces_the_log_is_as_complete(steps: list[tuple[int, bool, bool]]) -> None:
    found, cutter = portions(resume_at(0, 0), steps)
    replaced = {span for portion in found for span in portion.replaces}
    left = [portion.span for portion in found if portion.span not in replaced]
    if cutter.position:
        [run] = catalog.join_spans(left)
        assert (run.start, run.end) == (0, cutter.position)
    whole = cutter.position // UNIT
    assert [span for span in left if span.size == UNIT] == sorted(left)[:whole]


@given(sizes)
def test_a_span_is_covered_until_a_moment_only_if_all_that_came_by_then_lies_before_its_end(
    steps: list[tuple[int, bool, bool]],
) -> None:
    found, _ = portions(resume_at(0, 0), steps)
    came, at = {}, 0
    for number, (size, caught_up, _) in enumerate(steps):
        at = min(at + size, len(BODY))
        if caught_up:
            came[AT + timedelta(seconds=number)] = at
    for portion in found:
        assert portion.span.end >= came.get(portion.span.covered_until, 0)


def test_a_mark_is_made_only_where_more_is_known_than_was_told() -> None:
    cutter = Cutter("7", resume_at(0, 0))
    assert cutter.mark() is None
    list(cutter.add(BODY[:10], AT))
    assert cutter.mark() is None
    list(cutter.cut())
    assert cutter.mark() is None
    list(cutter.add(b"", AT + timedelta(seconds=9)))
    mark = cutter.mark()
    assert mark
    assert mark.span == Span("7", 1, 10, 10, AT + timedelta(seconds=9))
    assert cutter.mark() is None
