"""The report of every month of simulated years says exactly what the simulation did."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drkit.report.facts import make_report
from drkit.report.model import Known, SourceReport
from drkit.retention import Policy
from report_simulation import END, ZONE, Ledger, Year, live_a_year, months, prune_weekly

SEEDS = range(8)
NOW = END + timedelta(days=3)
KEEP = Policy(within=timedelta(days=20), daily=30, weekly=8, monthly=12)


def report_of(known: Known, month: date, now: datetime = NOW) -> SourceReport:
    return make_report("shop", [known], month, ZONE, now).sources[0]


Lived = tuple[Year, dict[date, SourceReport]]


@pytest.fixture(scope="module", params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    chosen: int = request.param
    return chosen


@pytest.fixture(scope="module")
def lived(seed: int) -> Lived:
    year = live_a_year(seed)
    return year, {month: report_of(year.known(), month) for month in months()}


@pytest.fixture(scope="module")
def pruned(seed: int) -> Year:
    year = live_a_year(seed)
    prune_weekly(year, KEEP)
    return year


def expected_answers(year: Year, ledger: Ledger) -> dict[str, str]:
    counts = ledger.counts
    came_back = counts["drills run"] - counts["not restored"] - counts["drills aborted"]
    restores = "no" if counts["not restored"] else "yes" if came_back else "unknown"
    rto = "unknown" if ledger.slowest is None else "yes" if ledger.slowest <= year.rto else "no"
    rpo = "no" if ledger.worst_loss is None or ledger.worst_loss > year.rpo else "yes"
    return {"restores": restores, "rto": rto, "rpo": rpo}


def test_backups_are_counted_as_they_were_made(lived: Lived) -> None:
    year, reports = lived
    for month in months():
        counts, backups = year.ledgers[month].counts, reports[month].backups
        assert (backups.planned, backups.missed) == (counts["backups planned"], counts["backups missed"])
        assert (backups.captured, backups.points) == (backups.planned - backups.missed, counts["points"])


def test_drills_are_counted_as_they_ended(lived: Lived) -> None:
    year, reports = lived
    for month in months():
        counts, drills = year.ledgers[month].counts, reports[month].drills
        assert drills.planned == counts["drills planned"]
        assert drills.run == counts["drills run"]
        assert (drills.passed, drills.failed) == (counts["drills passed"], counts["drills failed"])
        assert (drills.aborted, drills.missed) == (counts["drills aborted"], counts["drills missed"])
        assert (drills.by_hand, drills.due) == (counts["drills by hand"], 0)


def test_every_answer_is_the_one_that_the_ledger_gives(lived: Lived) -> None:
    year, reports = lived
    for month in months():
        ledger, source = year.ledgers[month], reports[month]
        assert {promise.topic: promise.answer for promise in source.promises} == expected_answers(year, ledger)
        measured = {promise.topic: promise.measured for promise in source.promises}
        assert (measured["rto"], measured["rpo"]) == (ledger.slowest, ledger.worst_loss)
        assert source.sizes.newest == ledger.size


def test_every_outage_and_every_error_is_an_incident(lived: Lived) -> None:
    year, reports = lived
    for month in months():
        ledger, source = year.ledgers[month], reports[month]
        wide = [gap for gap in source.gaps if gap.length > year.rpo]
        assert bool(wide) == (ledger.worst_loss is None or ledger.worst_loss > year.rpo)
        assert len([each for each in source.incidents if each.trouble == "gap"]) == len(source.gaps)
        causes = " ".join(incident.cause for incident in source.incidents)
        assert all(error in causes for error in ledger.errors)
        for trouble in ("failed", "aborted", "missed"):
            told = [each for each in source.incidents if each.trouble == f"drill {trouble}"]
            assert len(told) == ledger.counts[f"drills {trouble}"]
        missed = [each for each in source.incidents if each.trouble in ("gap", "backups missed")]
        assert bool(ledger.counts["backups missed"]) <= bool(missed)


def test_removals_that_are_known_change_no_answer(lived: Lived, pruned: Year) -> None:
    _, reports = lived
    assert pruned.removals
    for month in months():
        whole, thinned = reports[month], report_of(pruned.known(), month)
        assert thinned.keeping.removed == pruned.ledgers[month].removed
        for name in ("answer", "promises", "backups", "points", "gaps", "incidents", "rpo_by_day"):
            assert getattr(whole, name) == getattr(thinned, name)


def test_removals_that_nobody_recorded_make_answers_unknown_and_never_wrong(pruned: Year) -> None:
    unknown = 0
    thinned_until = max(removal.point.consistent_at for removal in pruned.removals)
    for month in months():
        truth = expected_answers(pruned, pruned.ledgers[month])["rpo"]
        known = replace(pruned.known(), removals=(), complete_since=thinned_until)
        source = report_of(known, month)
        answer = next(promise.answer for promise in source.promises if promise.topic == "rpo")
        assert answer in (truth, "unknown")
        assert source.backups.missed <= pruned.ledgers[month].counts["backups missed"]
        unknown += answer == "unknown"
    assert unknown >= 6


def test_a_month_that_is_not_over_is_judged_up_to_now() -> None:
    year = live_a_year(3)
    month = date(2026, 5, 1)
    now = datetime(2026, 5, 10, 12, 7, tzinfo=UTC)
    until_now = replace(
        year.known(),
        points=[point for point in year.points if (point.committed_at or now) <= now],
        drills=[drill for drill in year.drills if drill.ended_at <= now],
    )
    source = report_of(until_now, month, now)
    assert source.backups.planned < year.ledgers[month].counts["backups planned"]
    assert [day.day for day, _ in source.rpo_by_day] == list(range(1, 11))


def test_midnights_are_those_of_the_zone() -> None:
    report = make_report("shop", [], date(2026, 11, 1), ZoneInfo("Pacific/Auckland"), NOW)
    assert report.month.start == datetime(2026, 10, 31, 11, tzinfo=UTC)
    assert report.month.end == datetime(2026, 11, 30, 11, tzinfo=UTC)
