"""Files of log out of spans, and settings of a restored server: decisions without a server."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drkit.catalog.log import Span
from drkit.engines.postgres.recovery.segments import (
    Segment,
    cuts_of,
    parse_history_name,
    parse_segment,
    segments_of,
)
from drkit.engines.postgres.recovery.settings import missing_libraries, recovery_settings, rewrite
from drkit.errors import IntegrityError, UsageError
from drkit.restore.lineage import Fork, Leg, legs_of, parse_history
from drkit.restore.wanted import Mark, parse_wanted

AT = datetime(2026, 11, 20, tzinfo=UTC)
SIZE = 8


def span(start: int, end: int, timeline: int = 1) -> Span:
    return Span("1", timeline, start, end, AT)


@pytest.mark.parametrize("size", [1 << 20, 16 << 20, 1 << 30])
def test_files_of_log_are_called_as_the_server_calls_them(size: int) -> None:
    position = (7 << 32) + 3 * size
    segment = Segment(3, position // size, size)
    assert segment.begin == position
    assert segment.name == f"0000000300000007{3:08X}"
    assert parse_segment(segment.name, size) == segment


def test_other_files_are_not_taken_for_log() -> None:
    for name in ("00000002.history", "000000010000000000000001.partial", "../000000010000000000000001", ""):
        assert parse_segment(name, 16 << 20) is None
    assert parse_history_name("0000000A.history") == 10
    assert parse_history_name("0000000A") is None


def test_a_file_in_which_a_timeline_is_left_is_asked_for_as_the_next_ones() -> None:
    legs = legs_of(3, (Fork(1, 12), Fork(2, 20)))
    assert legs == (Leg(1, 0, 12), Leg(2, 12, 20), Leg(3, 20, None))
    found = [(segment.timeline, segment.number) for segment in segments_of(legs, 0, 30, SIZE)]
    assert found == [(1, 0), (2, 1), (3, 2), (3, 3)]


spans = st.lists(
    st.builds(
        lambda start, size, timeline: span(start, start + size, timeline),
        st.integers(0, 30),
        st.integers(1, 12),
        st.integers(1, 3),
    ),
    max_size=12,
)


@given(spans, st.integers(1, 3), st.integers(0, 4))
def test_a_file_is_put_together_from_its_first_byte_on_as_far_as_anybody_has_it(
    found: list[Span], timeline: int, number: int
) -> None:
    legs = legs_of(3, (Fork(1, 12), Fork(2, 20)))
    ends = {leg.timeline: leg.end for leg in legs}
    segment = Segment(timeline, number, SIZE)
    cuts = cuts_of(segment, found, legs)

    def has(position: int) -> bool:
        return any(
            each.start <= position < min(each.end, end if (end := ends[each.timeline]) is not None else each.end)
            for each in found
            if each.timeline <= timeline
        )

    reached = segment.begin
    while reached < segment.begin + SIZE and has(reached):
        reached += 1
    assert (cuts[-1].end if cuts else segment.begin) == reached
    for before, after in pairwise(cuts):
        assert before.end == after.begin
    for cut in cuts:
        assert cut.span.start <= cut.begin < cut.end <= cut.span.end


def test_a_history_names_where_each_timeline_was_left() -> None:
    content = b"1\t0/3000000\tno recovery target specified\n\n2\t1/A0\tbefore 2026-11-20 10:00:00+00\n"
    assert parse_history(content, 3) == (Fork(1, 0x3000000), Fork(2, 0x1000000A0))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# nothing\n",
        b"3\t0/1\tx\n",
        b"2\t0/9\tx\n1\t0/10\tx\n",
        b"1\t0/9\tx\n2\t0/1\tx\n",
        b"one\t0/1\n",
        b"\xff",
    ],
)
def test_a_history_that_cannot_be_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match="history of timeline 3"):
        parse_history(content, 3)


def test_the_one_target_comes_after_the_others_were_emptied() -> None:
    settings = recovery_settings("fetch %f %p", 7, {"recovery_target_time": "then"}, pausing=True)
    targets = [name for name in settings if name.startswith("recovery_target") and not settings[name].isdigit()]
    assert targets[-1] == "recovery_target_time"
    assert settings["recovery_target_name"] == ""
    assert settings["recovery_target_timeline"] == "7"
    assert settings["recovery_target_action"] == "pause"


def test_settings_stand_in_place_of_the_files_own_and_the_others_stay() -> None:
    text = "# kept\nArchive_Command = 'cp %p /x'\nwork_mem = '4MB'\nprimary_conninfo 'host=x'\n"
    written = rewrite(text, {"archive_command": "", "primary_conninfo": "it's \\ here"}, "by drkit")
    assert written == (
        "# kept\nwork_mem = '4MB'\n# by drkit\narchive_command = ''\nprimary_conninfo = 'it''s \\\\ here'\n"
    )


def test_libraries_that_are_here_are_told_from_those_that_are_not(tmp_path: Path) -> None:
    (tmp_path / "here.so").touch()
    assert missing_libraries('here, "$libdir/here", gone', [tmp_path]) == ("here,$libdir/here", ["gone"])
    assert missing_libraries("", [tmp_path]) == ("", [])


def test_a_place_in_a_log_can_be_asked_for_by_what_it_is_called() -> None:
    zone = ZoneInfo("UTC")
    assert parse_wanted("lsn:1/A0", zone, AT) == Mark(lsn=0x1000000A0, text="the position 1/A0")
    assert parse_wanted("name:before it", zone, AT) == Mark(name="before it", text="the restore point 'before it'")
    assert parse_wanted("xid:755", zone, AT) == Mark(transaction=755, text="the transaction 755")
    assert parse_wanted("latest", zone, AT) is None
    assert parse_wanted("2026-11-20T00:00:00Z", zone, AT) == AT
    for text in ("lsn:x", "xid:x", "xid:2", "name:", "else:x"):
        with pytest.raises(UsageError):
            parse_wanted(text, zone, AT)
