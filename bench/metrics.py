"""A scrape: what a daemon does when Prometheus asks, with all points in the bulletin that it has in memory."""

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from drkit.bulletin import describe_moments, describe_source, describe_system, read_bulletin
from drkit.metrics import render
from drkit.model import Point
from drkit.runs import Record
from drkit.standing import Promises, judge_standing
from drkit.timetable import parse_cron
from drkit.verify.history import History

_SOURCES, _POINTS = 200, 10_000


def bench_metrics(_folder: Path, _gigabytes: float, rounds: int) -> None:
    now = datetime(2026, 11, 20, 14, 40, tzinfo=UTC)
    document = json.dumps(_document(now))
    bulletin = read_bulletin(json.loads(document))
    taken = []
    for _ in range(max(rounds, 5)):
        started = time.perf_counter()
        text = render(bulletin, now)
        taken.append(time.perf_counter() - started)
    samples = sum(not line.startswith("#") for line in text.splitlines())
    print(f"\nA scrape of {_SOURCES} sources with {_POINTS:,} points")
    print(f"  {statistics.median(taken) * 1000:.0f} ms, {samples:,} samples, {len(text.encode()) / 1000:.0f} kB")


def _document(now: datetime) -> dict[str, object]:
    promises = Promises(parse_cron("0 * * * *"), None, ZoneInfo("UTC"), timedelta(minutes=15), timedelta(hours=2))
    jobs = {job: Record(now - timedelta(hours=1), now - timedelta(days=1), 3) for job in ("backup", "verify")}
    sources = []
    for number in range(_SOURCES):
        name = f"system{number // 10}/source{number}"
        points = tuple(
            Point(name, f"{age}", now - timedelta(hours=age), 1_000_000, committed_at=now - timedelta(hours=age))
            for age in range(_POINTS // _SOURCES)
        )
        standing = judge_standing(name, promises, points, History((), ()), None, now)
        sources.append(describe_source("postgres", standing, points, jobs) | {"moments": describe_moments(points)})
    systems = [describe_system(f"system{number}", None, jobs, ()) for number in range(_SOURCES // 10)]
    return {"sources": sources, "systems": systems}
