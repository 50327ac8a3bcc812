"""Where a follower goes on, and when it must not."""

from datetime import UTC, datetime, timedelta

import pytest

from drkit.catalog import NOTHING_KNOWN, Log, Span
from drkit.errors import LogBroken, SourceUnavailable
from drkit.follow.resume import plan_resume
from drkit.ports import Whereabouts

SEGMENT = 16 << 20
AT = datetime(2026, 11, 20, tzinfo=UTC)


def log(*spans: tuple[int, int, int], system: str = "7") -> Log:
    found = [
        Span(system, timeline, start, end, AT + timedelta(seconds=number))
        for number, (timeline, start, end) in enumerate(spans)
    ]
    return Log("shop/main", tuple(sorted(found)), frozenset(), ())


def server(
    position: int,
    kept_from: int | None,
    *,
    timeline: int = 1,
    parents: tuple[tuple[int, int], ...] = (),
    made: bool = False,
    segment: int = SEGMENT,
    standby: bool = False,
) -> Whereabouts:
    return Whereabouts("7", timeline, parents, position, standby, segment, kept_from, made, None)


def test_the_first_follower_begins_where_the_segment_that_the_server_keeps_does() -> None:
    resume = plan_resume(log(), server(3 * SEGMENT, SEGMENT + 40, made=True))
    assert (resume.timeline, resume.listen_from, resume.store_from) == (1, SEGMENT, SEGMENT)
    assert resume.begins
    assert resume.covered_until == NOTHING_KNOWN


def test_it_goes_on_at_what_the_server_was_told_and_not_at_what_names_in_the_store_say() -> None:
    stored = log((1, SEGMENT, SEGMENT + 100), (1, SEGMENT + 100, SEGMENT + 900))
    resume = plan_resume(stored, server(3 * SEGMENT, SEGMENT + 100))
    assert (resume.listen_from, resume.store_from) == (SEGMENT, SEGMENT + 100)
    assert resume.covered_until == AT
    assert [span.end for span in resume.small] == [SEGMENT + 100, SEGMENT + 900]
    assert not resume.begins


def test_a_unit_whose_beginning_was_never_stored_is_heard_from_where_it_goes_on() -> None:
    resume = plan_resume(log((1, SEGMENT + 50, SEGMENT + 100)), server(3 * SEGMENT, SEGMENT + 100))
    assert (resume.listen_from, resume.store_from) == (SEGMENT + 100, SEGMENT + 100)


def test_where_the_server_knows_nothing_of_us_the_end_of_the_store_counts() -> None:
    stored = log((1, SEGMENT, 2 * SEGMENT), (1, 2 * SEGMENT, 2 * SEGMENT + 5))
    resume = plan_resume(stored, server(4 * SEGMENT, 3 * SEGMENT, made=True))
    assert resume.store_from == 2 * SEGMENT + 5
    assert plan_resume(stored, server(4 * SEGMENT, 3 * SEGMENT)).store_from == 2 * SEGMENT + 5


def test_the_new_timeline_begins_with_the_segment_in_which_the_old_one_was_left() -> None:
    stored = log((1, SEGMENT, 2 * SEGMENT + 9))
    left = ((1, 2 * SEGMENT + 9),)
    resume = plan_resume(stored, server(3 * SEGMENT, 2 * SEGMENT + 9, timeline=2, parents=left))
    assert (resume.timeline, resume.store_from) == (2, 2 * SEGMENT)
    assert resume.covered_until == NOTHING_KNOWN


def test_what_the_old_server_wrote_after_it_was_left_hinders_nobody() -> None:
    stored = log((1, SEGMENT, 4 * SEGMENT))
    resume = plan_resume(
        stored, server(3 * SEGMENT, 2 * SEGMENT, timeline=2, parents=((1, 2 * SEGMENT + 9),), made=True)
    )
    assert (resume.timeline, resume.store_from) == (2, 2 * SEGMENT)


def test_the_rest_of_the_old_timeline_comes_first() -> None:
    stored = log((1, SEGMENT, 2 * SEGMENT))
    resume = plan_resume(stored, server(4 * SEGMENT, 3 * SEGMENT, timeline=2, parents=((1, 3 * SEGMENT),), made=True))
    assert (resume.timeline, resume.store_from) == (1, 2 * SEGMENT)


def test_a_big_segment_is_stored_in_units() -> None:
    big = 64 << 20
    resume = plan_resume(log((1, big, big + SEGMENT + 7)), server(4 * big, big + SEGMENT + 7, segment=big))
    assert (resume.unit, resume.listen_from) == (SEGMENT, big + SEGMENT)
    assert plan_resume(log(), server(4 * big, big + SEGMENT + 7, segment=big)).store_from == big
    small = 1 << 20
    assert plan_resume(log(), server(4 * small, small + 7, segment=small)).unit == small


@pytest.mark.parametrize(
    ("stored", "where", "why"),
    [
        (log((1, 0, 900), system="8"), server(1000, 0), "it is another server"),
        (log((1, 0, 900)), server(800, 0), "it has lost log"),
        (log((1, 0, 900)), server(2000, None), "given up what it kept"),
        (log((2, 0, 900)), server(2000, 0), "not in the history"),
        (log((2, 0, 900)), server(2000, 0, timeline=3, parents=((1, 500),)), "not in the history"),
    ],
)
def test_what_does_not_go_on_where_the_store_ends_is_refused(stored: Log, where: Whereabouts, why: str) -> None:
    with pytest.raises(LogBroken, match=why) as raised:
        plan_resume(stored, where)
    assert "What the store has stays usable: timeline" in str(raised.value)


def test_a_standby_that_is_behind_the_store_is_waited_for() -> None:
    with pytest.raises(SourceUnavailable, match="has log up to"):
        plan_resume(log((1, 0, 900)), server(800, 0, standby=True))


def test_with_anew_the_log_begins_at_what_the_server_has() -> None:
    for stored in (log((1, 0, 900)), log((1, 0, 900), system="8")):
        resume = plan_resume(stored, server(4 * SEGMENT, 3 * SEGMENT + 5), anew=True)
        assert (resume.store_from, resume.begins) == (3 * SEGMENT, True)


def test_log_that_would_contradict_what_is_stored_is_refused_even_so() -> None:
    with pytest.raises(LogBroken, match="it has lost log") as raised:
        plan_resume(log((1, 0, 900)), server(800, 0), anew=True)
    assert "another source's name" in raised.value.hint
