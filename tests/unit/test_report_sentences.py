"""What the report says in cases that a year does not bring: few drills, odd clocks, nothing at all; and its forms."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from drkit.catalog import make_id
from drkit.drawing import words
from drkit.model import Check, Point
from drkit.report.document import to_document
from drkit.report.facts import make_report
from drkit.report.model import Report
from drkit.report.page import draw_page
from drkit.report.text import write_text
from drkit.signing import check_document, new_signing_key, sign_document
from drkit.verify.model import Target
from report_simulation import BAD, GOOD, ZONE, live_a_year
from report_sources import (
    MAY,
    NOW,
    RPO,
    START,
    TOOK,
    UTC_ZONE,
    answers,
    daily_points,
    drill_at,
    judged,
    known,
    set_drill_at,
)


def test_a_source_that_was_never_drilled_is_unknown_however_many_backups_it_has() -> None:
    source = judged(known(verify=None))
    assert (source.answer, answers(source)) == ("unknown", {"restores": "unknown", "rto": "unknown", "rpo": "yes"})
    assert source.proven_at is None


def test_a_drill_of_an_earlier_month_speaks_for_a_month_in_which_none_was_due() -> None:
    quarterly = "0 4 1 1,4,7,10 *"
    april = drill_at(datetime(2026, 4, 1, 4, tzinfo=UTC))
    assert judged(known([april], quarterly)).answer == "yes"
    january = drill_at(datetime(2026, 1, 1, 4, tzinfo=UTC))
    assert judged(known([january], quarterly)).answer == "unknown"


def test_a_drill_that_is_slow_breaks_the_rto_and_not_the_restore() -> None:
    slow = drill_at(START + timedelta(hours=4), timedelta(minutes=16))
    source = judged(known([replace(slow, result="failed", checks=(GOOD,))]))
    assert answers(source) == {"restores": "yes", "rto": "no", "rpo": "yes"}
    assert [incident.cause for incident in source.incidents] == ["RTO 16m, promised 15m"]


def test_a_drill_that_failed_stays_visible_after_another_passed() -> None:
    bad = replace(drill_at(START + timedelta(hours=4)), result="failed", checks=(BAD,))
    source = judged(known([bad, drill_at(START + timedelta(days=1))]))
    assert source.answer == "no"
    assert "what was restored on 2 May 00:00 was right" in source.promises[0].reason
    assert [(each.done, each.settled) for each in source.incidents] == [("the drill of 2 May 00:00 passed", True)]


def test_a_drill_in_which_nothing_could_be_tested_proves_nothing() -> None:
    untested = Check("pg_amcheck", "not testable", "no finding", "not installed")
    blank = replace(drill_at(START + timedelta(hours=4)), result="failed", checks=(untested,))
    report = make_report("shop", [known([blank])], MAY, UTC_ZONE, NOW)
    assert answers(report.sources[0])["restores"] == "unknown"
    document = to_document(report)
    assert document["proven"] == ["Nothing: no drill of this month restored the right data."]
    assert any("pg_amcheck" in str(sentence) for sentence in words_of(document["not_proven"]))


def test_a_drill_that_came_back_too_far_from_what_was_asked_breaks_the_rpo() -> None:
    far = replace(drill_at(START + timedelta(hours=4)), rpo=Target(RPO, timedelta(hours=40), met=False))
    rpo = next(promise for promise in judged(known([far])).promises if promise.topic == "rpo")
    assert (rpo.answer, rpo.measured) == ("no", timedelta(hours=40))


def test_a_source_without_a_point_breaks_its_rpo() -> None:
    source = judged(known(points=()))
    assert answers(source)["rpo"] == "no"
    assert source.captured_at is None
    assert (source.backups.planned, source.backups.missed) == (31, 31)


def test_a_new_source_is_asked_for_nothing_before_its_first_point() -> None:
    source = judged(known(points=daily_points(START + timedelta(days=9))))
    assert (source.backups.planned, source.backups.missed) == (22, 0)
    assert answers(source)["rpo"] == "yes"
    assert "since its first point, 10 May 01:00" in source.promises[2].reason


def test_points_that_nobody_can_date_count_for_nothing_and_are_told_of() -> None:
    odd = Point("shop/main", make_id(NOW, "7f3a9c02"), datetime(2026, 5, 20, tzinfo=UTC), 10**9, committed_at=START)
    usual, with_odd = judged(known()), judged(known(points=[*daily_points(), odd]))
    assert (usual.points, usual.sizes.newest, usual.rpo_by_day) == (
        with_odd.points,
        with_odd.sizes.newest,
        with_odd.rpo_by_day,
    )
    assert [each.trouble for each in with_odd.incidents if each not in usual.incidents] == ["wrong clock"]


def test_a_gap_that_is_still_open_is_not_over() -> None:
    ended = [point for point in daily_points() if point.consistent_at < START + timedelta(days=20)]
    (gap,) = [each for each in judged(known(points=ended)).incidents if each.trouble == "gap"]
    assert (gap.end, gap.settled, gap.done) == (None, False, "nothing yet")
    assert "11 planned backups missed" in gap.what


def test_a_planned_drill_that_can_still_begin_is_due_and_not_missed() -> None:
    now = START + timedelta(hours=5)
    early = known(points=[point for point in daily_points() if point.consistent_at <= now])
    drills = judged(early, now).drills
    assert (drills.planned, drills.due, drills.missed) == (1, 1, 0)


def test_the_report_of_nothing_at_all_can_be_drawn() -> None:
    report = make_report("shop", [], MAY, UTC_ZONE, NOW)
    assert "There are no sources" in draw_page(report)
    assert "There are no sources" in write_text(report)


@pytest.fixture(scope="module")
def report() -> Report:
    facts = [live_a_year(seed, f"shop/s{seed}").known() for seed in (4, 5, 6)]
    return make_report("shop", facts, date(2026, 10, 1), ZONE, datetime(2027, 1, 3, tzinfo=UTC), ["drkit1x"], "1.0")


def test_the_json_form_can_be_signed_and_read_back(report: Report) -> None:
    key, document = new_signing_key(), to_document(report)
    content = sign_document(key, "shop/reports/2026-10.json", document)
    assert check_document({key.signer()}, "shop/reports/2026-10.json", content) == document


def test_every_key_of_the_json_form_is_documented_and_no_other(report: Report) -> None:
    text = (Path(__file__).parents[2] / "docs/REPORT.md").read_text()
    documented = set(re.findall(r"`([a-z_][a-z_0-9]+)`", text.split("## The JSON form")[1]))
    whole = replace(report, together=(set_drill_at(report.month.start),))
    keys = set(keys_of(json.loads(json.dumps(to_document(whole)))))
    rules = {"daily", "weekly", "monthly"}
    assert keys - rules <= documented
    assert documented - keys <= {"null", "unknown", "kept", "restores", "rto", "rpo"}


def test_the_text_names_each_source_that_did_not_keep_its_promises_and_why(report: Report) -> None:
    lines = write_text(report).splitlines()
    doubtful = [source for source in report.sources if source.answer != "yes"]
    assert doubtful
    assert lines[1].startswith("No: ")
    told = [line for line in lines if line.startswith("- ")]
    assert [line.split(":")[0] for line in told] == [f"- {words.short_name(source.source)}" for source in doubtful]
    assert len(lines) < 20


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=7.25), "7.2s"),
        (timedelta(minutes=15, seconds=0.4), "15m"),
        (timedelta(hours=5, minutes=2, seconds=31), "5h3m"),
        (timedelta(days=3, hours=2, minutes=31), "3d3h"),
        (timedelta(0), "0s"),
    ],
)
def test_lengths_are_rounded_to_what_matters(length: timedelta, said: str) -> None:
    assert words.length(length) == said


def keys_of(document: object) -> list[str]:
    if isinstance(document, dict):
        return [*document, *(key for value in document.values() for key in keys_of(value))]
    return [key for each in document for key in keys_of(each)] if isinstance(document, list) else []


def words_of(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def test_a_point_that_a_drill_refuted_could_not_be_restored_at_any_time() -> None:
    points = daily_points()
    bad = [replace(point, refuted_at=NOW) if point.consistent_at.day in (10, 11) else point for point in points]
    source = judged(known([drill_at(START + timedelta(hours=4))], points=bad))
    rpo = next(promise for promise in source.promises if promise.topic == "rpo")
    assert (rpo.answer, rpo.measured) == ("no", timedelta(days=3))
    assert (source.backups.captured, source.backups.missed) == (31, 0)


def test_an_older_point_that_was_restored_settles_nothing_and_is_called_one() -> None:
    older, newer = (make_id(START + timedelta(days=day), "7f3a9c01") for day in (0, 1))
    bad = replace(drill_at(START + timedelta(days=2)), result="failed", checks=(BAD,), backup=newer)
    after = replace(drill_at(START + timedelta(days=3)), backup=older)
    source = judged(known([bad, after]))
    assert "an older point that was restored on 4 May 00:00 was right" in source.promises[0].reason
    [incident] = [each for each in source.incidents if each.trouble == "drill failed"]
    assert (incident.done, incident.settled) == ("an older point was restored on 4 May 00:00", False)
    settled = judged(known([bad, after, replace(drill_at(START + timedelta(days=4)), backup=newer)]))
    [incident] = [each for each in settled.incidents if each.trouble == "drill failed"]
    assert (incident.done, incident.settled) == ("the drill of 5 May 00:00 passed", True)


def test_a_drill_that_was_stopped_after_it_had_overrun_breaks_the_rto() -> None:
    began = START + timedelta(days=1)
    late = replace(
        drill_at(began, None), result="aborted", checks=(), phases=(), ended_at=began + timedelta(minutes=16)
    )
    facts = known([drill_at(START + timedelta(hours=4)), late])
    rto = next(promise for promise in judged(facts).promises if promise.topic == "rto")
    assert (rto.answer, rto.measured) == ("no", timedelta(minutes=16))
    assert rto.reason == "the drill of 2 May 00:00 was stopped after 16m"
    told = write_text(make_report("shop", [facts], MAY, UTC_ZONE, NOW))
    assert "Drills: 1 passed, 0 failed, 1 stopped, 0 missed." in told


def test_a_drill_of_a_tiny_point_alone_keeps_no_promise_about_the_newest_one() -> None:
    grown = [replace(point, stored_bytes=10**9) for point in daily_points()]
    facts = known([drill_at(START + timedelta(hours=4))], points=grown)
    rto = next(promise for promise in judged(facts).promises if promise.topic == "rto")
    assert (rto.answer, rto.measured) == ("unknown", TOOK)
    alike = replace(drill_at(START + timedelta(days=1)), stored_bytes=10**9)
    rto = next(
        promise for promise in judged(replace(facts, drills=[*facts.drills, alike])).promises if promise.topic == "rto"
    )
    assert rto.answer == "yes"
