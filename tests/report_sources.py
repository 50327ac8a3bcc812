"""A source with a backup every night at one, made by hand for tests of what the report says in single cases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from drills import drill_at as any_drill_at
from drkit.catalog import make_id
from drkit.model import Check, Point
from drkit.report.facts import make_report
from drkit.report.model import Known, SourceReport
from drkit.timetable import parse_cron
from drkit.verify.model import Drill, Member, Target
from report_simulation import make_drill

MAY = date(2026, 5, 1)
START, NOW = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
RTO, RPO = timedelta(minutes=15), timedelta(hours=30)
TOOK = timedelta(minutes=5)
HOUR = timedelta(hours=1)


def daily_points(since: datetime = START - timedelta(days=3)) -> list[Point]:
    days = (since + timedelta(days=day, hours=1) for day in range(60))
    return [Point("shop/main", make_id(at, "7f3a9c01"), at, 1000) for at in days if at < NOW]


def known(
    drills: Sequence[Drill] = (), verify: str | None = "0 4 1 * *", points: Sequence[Point] | None = None
) -> Known:
    return Known(
        source="shop/main",
        kind="sqlite",
        backup=parse_cron("0 1 * * *"),
        verify=parse_cron(verify) if verify else None,
        rto=RTO,
        rpo=RPO,
        points=daily_points() if points is None else points,
        drills=drills,
    )


def drill_at(day: datetime, took: timedelta | None = TOOK) -> Drill:
    return make_drill("shop/main", day, took, RTO, "passed")


def judged(facts: Known, now: datetime = NOW, month: date = MAY) -> SourceReport:
    return make_report("shop", [facts], month, UTC_ZONE, now).sources[0]


def answers(source: SourceReport) -> dict[str, str]:
    return {promise.topic: promise.answer for promise in source.promises}


def set_drill_at(started_at: datetime, **changes: Any) -> Drill:
    """Of all sources together: it passed."""
    members = (Member("shop/main", "d1", "ab" * 32, "b1", started_at - HOUR, "passed"),)
    checks = (
        Check("shop/main", "passed", "passed", "passed"),
        Check("it answers", "passed", "0", "ended with status 0"),
    )
    whole = any_drill_at(
        started_at, source="shop/_", backup=None, members=members, checks=checks, reached=started_at - HOUR
    )
    return replace(replace(whole, skew=Target(2 * HOUR, HOUR, True)), **changes)
