"""A year of one source, lived through run by run: outages, drills that fail or never start, growth, retention.

The ledger is kept while the year is lived, by other means than the report's: whatever the report says must be in it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from drkit.catalog import make_id
from drkit.model import Check, Point
from drkit.report.model import Known, Removal
from drkit.retention import Policy, judge
from drkit.timetable import parse_cron, runs
from drkit.verify.model import Drill, Result, Target

ZONE = ZoneInfo("Europe/Madrid")
YEAR = 2026
START, END = datetime(YEAR, 1, 1, tzinfo=ZONE).astimezone(UTC), datetime(YEAR + 1, 1, 1, tzinfo=ZONE).astimezone(UTC)
GOOD = Check("rows of orders", "passed", "1000", "1000")
BAD = Check("rows of orders", "failed", "1000", "999")


@dataclass
class Ledger:
    """What happened in one month, counted as it happened."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    slowest: timedelta | None = None
    size: int | None = None
    removed: int = 0
    worst_loss: timedelta | None = None


@dataclass
class Year:
    source: str
    backup: str
    verify: str
    rto: timedelta
    rpo: timedelta
    points: list[Point] = field(default_factory=list)
    drills: list[Drill] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    ledgers: dict[date, Ledger] = field(default_factory=lambda: {month: Ledger() for month in months()})

    def known(self) -> Known:
        standing = {removal.point.id for removal in self.removals}
        return Known(
            source=self.source,
            kind="postgres",
            backup=parse_cron(self.backup),
            verify=parse_cron(self.verify),
            rto=self.rto,
            rpo=self.rpo,
            points=[point for point in self.points if point.id not in standing],
            drills=self.drills,
            removals=self.removals,
        )

    def ledger_of(self, moment: datetime) -> Ledger:
        return self.ledgers[moment.astimezone(ZONE).date().replace(day=1)]


def months() -> list[date]:
    return [date(YEAR, month, 1) for month in range(1, 13)]


def live_a_year(seed: int, source: str = "shop/main") -> Year:
    random = Random(seed)
    hours = random.choice([1, 2, 6])
    backup = "0 * * * *" if hours == 1 else f"0 */{hours} * * *"
    verify = random.choice(["0 4 1 * *", "30 4 * * 1", "15 2 * * *"])
    year = Year(source, backup, verify, rto=timedelta(minutes=15), rpo=timedelta(hours=hours, minutes=30))
    _have_outages(year, random)
    _back_up(year, random, base=random.randrange(10**6, 10**9), growth=random.random())
    _drill(year, random)
    for ledger, month in zip(year.ledgers.values(), months(), strict=True):
        ledger.worst_loss = _worst_loss(year.points, month)
    return year


def prune_weekly(year: Year, policy: Policy, until: datetime = END) -> None:
    """As `drkit prune` would have, once a week."""
    standing: list[Point] = []
    coming = iter(sorted(year.points, key=lambda point: point.consistent_at))
    upcoming = next(coming, None)
    now = START
    while (now := now + timedelta(days=7)) < until:
        while upcoming and upcoming.consistent_at <= now:
            standing.append(upcoming)
            upcoming = next(coming, None)
        gone = [verdict.point for verdict in judge(policy, standing, ZONE, now) if not verdict.reasons]
        year.removals += [Removal(point, now, "retention") for point in gone]
        standing = [point for point in standing if point not in set(gone)]
        if gone:
            year.ledger_of(now).removed += len(gone)


def _have_outages(year: Year, random: Random) -> None:
    for _ in range(random.randrange(5)):
        begin = START + timedelta(hours=random.uniform(0, 365 * 24))
        year.outages.append((begin, begin + timedelta(hours=random.choice([1, 3, 12, 70]))))


def _back_up(year: Year, random: Random, base: int, growth: float) -> None:
    for run in runs(parse_cron(year.backup), ZONE, START - timedelta(seconds=1), END - timedelta(seconds=1)):
        ledger = year.ledger_of(run)
        ledger.counts["backups planned"] += 1
        if any(begin <= run < end for begin, end in year.outages):
            ledger.counts["backups missed"] += 1
            continue
        at = run + timedelta(seconds=random.randrange(1, 30))
        size = int(base * (1 + growth * (at - START) / (END - START)))
        upload = timedelta(minutes=random.randrange(1, 10))
        point = Point(year.source, make_id(at, f"{random.getrandbits(32):08x}"), at, size, committed_at=at + upload)
        year.points.append(point)
        ledger.counts["points"] += 1
        ledger.size = size


def _drill(year: Year, random: Random) -> None:
    planned = list(runs(parse_cron(year.verify), ZONE, START - timedelta(seconds=1), END - timedelta(seconds=1)))
    for run in planned:
        ledger = year.ledger_of(run)
        ledger.counts["drills planned"] += 1
        fates = ["passed", "slow", "wrong", "error", "aborted", "told", "silent"]
        fate = random.choices(fates, [16, 1, 1, 1, 1, 1, 1])[0]
        if fate in ("told", "silent"):
            ledger.counts["drills missed"] += 1
        if fate != "silent":
            # never past the midnight that ends the month
            _run_drill(year, run + timedelta(seconds=random.randrange(600)), fate, random)
    for _ in range(random.randrange(6)):
        day = START + timedelta(days=random.randrange(365), hours=14)
        if any(timedelta(0) <= day - run <= timedelta(days=1) for run in planned) or year.verify.endswith("* * *"):
            continue  # within a day it would stand for the planned one, if that did not run
        year.ledger_of(day).counts["drills by hand"] += 1
        _run_drill(year, day, "passed", random)


def _run_drill(year: Year, started_at: datetime, fate: str, random: Random) -> None:
    ledger = year.ledger_of(started_at)
    newest = max((p for p in year.points if p.consistent_at <= started_at), key=lambda p: p.id, default=None)
    took = timedelta(minutes=20 if fate == "slow" else random.uniform(5, 14))
    result: Result = "passed"
    if fate in ("slow", "wrong", "error"):
        result = "failed"
    elif fate in ("aborted", "told"):
        result = "aborted" if fate == "aborted" else "missed"
    if result != "missed":
        ledger.counts[f"drills {result}"] += 1
        ledger.counts["drills run"] += 1
    if fate in ("wrong", "error"):
        ledger.counts["not restored"] += 1
    error = f"psql: error {random.getrandbits(32):08x}" if fate == "error" else ""
    ledger.errors += [error] if error else []
    measured = took if fate in ("passed", "slow", "wrong") else None
    if measured is not None:
        ledger.slowest = max(ledger.slowest or measured, measured)
    drill = make_drill(year.source, started_at, measured, year.rto, result)
    checks = {"passed": (GOOD,), "slow": (GOOD,), "wrong": (GOOD, BAD)}.get(fate, ())
    backup = newest.id if newest else None
    size = newest.stored_bytes if newest else 0
    year.drills.append(replace(drill, error=error, checks=checks, backup=backup, stored_bytes=size))


def make_drill(
    source: str, started_at: datetime, took: timedelta | None, rto: timedelta | None, result: Result = "passed"
) -> Drill:
    return Drill(
        id=make_id(started_at, "7f3a9c01"),
        source=source,
        scenario="database-failure",
        started_at=started_at,
        ended_at=started_at + (took or timedelta(minutes=1)) + timedelta(seconds=20),
        backup=make_id(started_at - timedelta(minutes=20), "7f3a9c01"),
        wanted=None,
        reached=started_at - timedelta(minutes=20) if took else None,
        seed=None,
        result=result,
        error="",
        rto=Target(rto, took, took <= rto if took is not None and rto is not None else None),
        rpo=Target(None, None, None),
        phases=(("provision", 2.0), ("fetch_and_load", took.total_seconds() - 4 if took else 0.0), ("check", 2.0)),
        checks=(GOOD,) if result == "passed" else (),
        stored_bytes=1_000_000,
        restored_bytes=5_000_000,
        objects=(),
        tools={"pg_restore": "17.5"},
        clock_offset=0.2,
        settings_that_differ={"fsync": ("on", "off")},
        disposed=True,
        correlation_id="0123456789abcdef",
        drkit_version="1.0",
    )


def _worst_loss(points: Iterable[Point], month: date) -> timedelta | None:
    """Walks through every point of the year. What is lost is most just before a newer point appears, and at the end."""
    start = datetime(month.year, month.month, 1, tzinfo=ZONE).astimezone(UTC)
    end = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=ZONE).astimezone(UTC)
    worst: timedelta | None = None
    newest: datetime | None = None
    for point in points:
        seen = point.committed_at or point.consistent_at
        if seen > end:
            break
        if newest and seen > start:
            worst = max(worst or seen - newest, seen - newest)
        newest = point.consistent_at
    return max(worst or end - newest, end - newest) if newest else worst
