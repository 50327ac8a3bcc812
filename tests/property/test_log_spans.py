"""What spans of log cover together, against a count byte by byte."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drkit import catalog
from drkit.catalog import Span, gaps, join_spans, parse_log_key, read_log, span_key, superseded
from drkit.model import Entry

AT = datetime(2026, 11, 20, tzinfo=UTC)

spans = st.builds(
    lambda system, timeline, start, size, seconds: Span(
        system, timeline, start, start + size, AT + timedelta(seconds=seconds)
    ),
    st.sampled_from(["7", "8"]),
    st.integers(1, 2),
    st.integers(0, 30),
    st.integers(0, 8),
    st.integers(0, 50),
)
many = st.lists(spans, max_size=12)
Bytes = set[tuple[str, int, int]]


def covered(found: list[Span]) -> Bytes:
    return {(each.system, each.timeline, at) for each in found for at in range(each.start, each.end)}


@given(many)
def test_runs_cover_what_their_spans_do_and_end_where_a_byte_is_missing(found: list[Span]) -> None:
    result = join_spans(found)
    assert {(run.system, run.timeline, at) for run in result for at in range(run.start, run.end)} == covered(found)
    for before, after in gaps(found):
        assert before.end < after.start
        assert not any((before.system, before.timeline, at) in covered(found) for at in range(before.end, after.start))


@given(many)
def test_a_run_is_covered_until_the_latest_moment_that_one_of_its_spans_tells(found: list[Span]) -> None:
    for run in join_spans(found):
        mine = [
            each
            for each in found
            if (each.system, each.timeline) == (run.system, run.timeline) and run.start <= each.start <= run.end
        ]
        assert run.covered_until == max(each.covered_until for each in mine)


@given(many)
def test_without_superseded_spans_the_same_bytes_are_covered_until_the_same_moments(found: list[Span]) -> None:
    gone = {span for span, _ in superseded(found)}
    left = [each for each in dict.fromkeys(found) if each not in gone]
    assert covered(left) == covered(found)
    for each in (span for span in found if span.size):
        assert any(
            other.timeline == each.timeline
            and other.system == each.system
            and other.end >= each.end
            and other.covered_until >= each.covered_until
            for other in left
        )


@given(many)
def test_what_supersedes_a_span_is_not_superseded_by_it_and_has_its_bytes(found: list[Span]) -> None:
    for span, by in superseded(found):
        assert (by.system, by.timeline) == (span.system, span.timeline)
        assert by != span
        assert by.covered_until >= span.covered_until
        assert covered([span]) <= covered([by])


@given(many)
def test_one_mark_without_bytes_is_left_of_each_timeline_at_most(found: list[Span]) -> None:
    gone = {span for span, _ in superseded(found)}
    marks = [(each.system, each.timeline) for each in set(found) - gone if not each.size]
    assert len(marks) == len(set(marks))


@given(many)
def test_a_listing_gives_back_the_spans_that_were_stored(found: list[Span]) -> None:
    entries = [Entry(span_key("shop/main", each), 1, AT) for each in set(found)]
    entries += [Entry("shop/main/log/7/00000002/history.zst.age", 1, AT), Entry("shop/main/log/7/stray", 1, AT)]
    log = read_log("shop/main", sorted(entries, key=lambda entry: entry.key))
    assert set(log.spans) == set(found)
    assert list(log.spans) == sorted(log.spans)
    assert log.histories == {("7", 2)}


def test_what_is_no_key_of_a_log_is_none() -> None:
    for key in (
        "shop/main/log/7/00000001/history.age",
        "shop/main/log/7/1/history.zst.age",
        "shop/main/log/x/00000001/history.zst.age",
        "shop/other/log/7/00000001/history.zst.age",
        "shop/main/log/7/00000001/0000000000000002-0000000000000001-20261120T000000.000000Z.zst.age",
        "shop/main/log/7/00000001/0000000000000001-0000000000000002-20261320T000000.000000Z.zst.age",
    ):
        assert parse_log_key("shop/main", key) is None
    assert parse_log_key("shop/main", catalog.history_key("shop/main", "7", 2)) == ("7", 2)
