"""What a report says of a source whose points come with a log: no more and no less than the store shows."""

from dataclasses import replace
from datetime import datetime, timedelta

from drkit.report.details import draw_source
from drkit.report.model import KnownLog, Promise, SourceReport
from drkit.report.period import month_of
from drkit.verify.exposure import Gap, Recoverable
from drkit.verify.model import Worst
from report_sources import MAY, NOW, RTO, START, TOOK, UTC_ZONE, answers, drill_at, judged, known

MINUTE = timedelta(minutes=1)
PROMISED = 5 * MINUTE


def every(step: timedelta, late: timedelta = MINUTE) -> list[Recoverable]:
    count = (NOW - START) // step + 2
    return [
        Recoverable(at := START - step + step * n, at + late) for n in range(count) if START - step + step * n < NOW
    ]


def report(appearances: list[Recoverable], *gaps: tuple[datetime, datetime]) -> SourceReport:
    log = KnownLog(appearances, [Gap(*each) for each in gaps])
    return judged(replace(known(), rpo=PROMISED, log=log))


def rpo(source: SourceReport) -> Promise:
    return next(promise for promise in source.promises if promise.topic == "rpo")


def test_a_log_that_came_often_enough_kept_the_promise_though_its_bases_are_a_day_apart() -> None:
    source = report(every(2 * MINUTE), (NOW - MINUTE, NOW))
    assert answers(source)["rpo"] == "yes"
    assert source.gaps == ()
    assert source.captured_at
    assert NOW - source.captured_at < timedelta(hours=2)


def test_of_parts_that_were_merged_nobody_claims_that_the_promise_was_broken_or_kept() -> None:
    source = report(every(timedelta(hours=1)), (NOW - MINUTE, NOW))
    assert rpo(source).answer == "unknown"
    assert "tells no more" in rpo(source).reason
    assert source.gaps == ()


def test_a_gap_in_the_log_broke_it() -> None:
    start, end = START + timedelta(days=10), START + timedelta(days=10, hours=2)
    found = [each for each in every(2 * MINUTE) if not start < each.at < end]
    source = report(found, (start, end), (NOW - MINUTE, NOW))
    assert rpo(source).answer == "no"
    assert [(gap.start <= start, gap.end >= end) for gap in source.gaps] == [(True, True)]


def test_a_log_that_stopped_before_the_end_of_the_month_broke_it() -> None:
    stopped = NOW - timedelta(days=1)
    source = report([each for each in every(2 * MINUTE) if each.since <= stopped], (stopped, NOW))
    assert rpo(source).answer == "no"


def drilled(expected: timedelta | None, log_bytes: int = 1 << 30) -> SourceReport:
    """One drill that kept the promise, and what it means for the farthest moment."""
    worst = Worst(START + timedelta(days=3), "a", 9 << 30, expected)
    short = replace(drill_at(START + timedelta(days=9)), log_bytes=1, worst=replace(worst, expected=timedelta(days=9)))
    drill = replace(drill_at(START + timedelta(days=10)), log_bytes=log_bytes, worst=worst)
    return judged(known([short, drill]))


def test_a_farthest_moment_that_would_take_too_long_breaks_the_rto_that_drills_kept() -> None:
    source = drilled(RTO + MINUTE)
    [rto] = [promise for promise in source.promises if promise.topic == "rto"]
    assert (rto.answer, rto.measured) == ("no", TOOK)
    assert "a restore to 4 May" in rto.reason
    month = month_of(MAY, UTC_ZONE, NOW)
    assert "RTO at worst" in str(draw_source(source, month, UTC_ZONE, "a", 1))
    assert "RTO at worst" not in str(draw_source(judged(known([drill_at(START)])), month, UTC_ZONE, "a", 1))


def test_the_drill_that_replayed_most_tells_of_the_farthest_moment() -> None:
    assert answers(drilled(RTO))["rto"] == "yes"
    assert answers(drilled(None))["rto"] == "yes"
    assert answers(drilled(RTO, log_bytes=0))["rto"] == "no"
