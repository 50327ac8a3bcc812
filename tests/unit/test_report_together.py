"""What the report says of drills of all sources together, and that a failed one is not passed over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drkit.drawing.markup import Markup
from drkit.model import Check
from drkit.report.document import to_document
from drkit.report.facts import make_report
from drkit.report.model import Report
from drkit.report.page import draw_page
from drkit.report.period import month_of
from drkit.report.text import write_text
from drkit.report.together import APART, draw_together, pick_sets
from drkit.verify.history import History
from drkit.verify.model import Drill, Evidence, Target
from report_sources import MAY, NOW, START, UTC_ZONE, known, set_drill_at
from report_sources import drill_at as source_drill

HOUR = timedelta(hours=1)


def report(*together: Drill, unbelieved: int = 0) -> Report:
    good = known([source_drill(START + timedelta(hours=4))])
    return replace(make_report("shop", [good], MAY, UTC_ZONE, NOW), together=together, unbelieved=unbelieved)


PASSED = set_drill_at(START + HOUR)
FAILED = set_drill_at(
    START + 2 * HOUR,
    result="failed",
    checks=(*PASSED.checks[:1], Check("it answers", "failed", "0", "ended with status 3: no <tables>")),
    rto=Target(HOUR, None, None),
)


def test_without_one_nothing_is_shown_and_it_is_said_that_nothing_shows_how_they_agree() -> None:
    document = to_document(report())
    assert document["together"] == []
    assert APART in document["not_proven"]
    assert "All sources together" not in draw_page(report())
    assert draw_together([], UTC_ZONE) == Markup()


def test_one_that_passed_is_proof_and_is_shown_in_every_form() -> None:
    made = report(PASSED)
    document = to_document(made)
    assert APART not in document["not_proven"]
    said = "1 time all sources stood restored at once, their states at most 1h apart"
    assert f"{said}, and 1 check of the application passed." in document["proven"]
    [told] = document["together"]
    assert (told["result"], told["skew"]) == ("passed", {"target": 7200, "measured": 3600, "met": True})
    assert told["checks"] == [{"name": "it answers", "outcome": "passed"}]
    assert [each["source"] for each in told["members"]] == ["shop/main"]
    assert "All sources together: passed." in write_text(made)
    assert PASSED.id in draw_page(made)


def test_where_the_last_one_failed_the_answer_is_no_though_each_source_kept_its_promises() -> None:
    made = report(PASSED, FAILED)
    assert "No: each source kept its promises, and all of them together did not pass their last drill." in draw_page(
        made
    )
    assert "All sources together: failed: it answers: ended with status 3: no <tables>." in write_text(made)
    assert "no &lt;tables&gt;" in draw_page(made)
    assert any("did not pass" in each for each in to_document(made)["not_proven"])
    assert "did not pass" not in draw_page(report(FAILED, set_drill_at(START + 3 * HOUR)))


def test_what_missed_a_promise_alone_is_told_with_the_promise() -> None:
    apart = set_drill_at(START + HOUR, result="failed", skew=Target(HOUR, 3 * HOUR, False))
    assert "skew 3h, promised 1h" in write_text(report(apart))


def test_evidence_of_them_that_cannot_be_believed_is_counted() -> None:
    assert "2 drills of all sources together cannot be believed." in to_document(report(unbelieved=2))["not_proven"]


@pytest.mark.parametrize("started_at", [datetime(2026, 4, 30, 23, tzinfo=UTC), datetime(2026, 6, 1, 1, tzinfo=UTC)])
def test_one_of_another_month_is_not_of_this_one(started_at: datetime) -> None:
    month = month_of(MAY, ZoneInfo("UTC"), NOW)
    inside = set_drill_at(START + HOUR)
    history = History((Evidence(set_drill_at(started_at), ()), Evidence(inside, ())))
    assert pick_sets(history, month) == (inside,)
