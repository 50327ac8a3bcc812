"""How long the report of a month takes for 200 sources with a year of hourly backups, and how big it is.

    PYTHONPATH=tests bench/report.py [--sources 200] [--every 1]      EVERY hours a backup, for twelve months

It measures from listings on: what a store needs to list so many objects is not in it.
"""

import argparse
import gc
import resource
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from time import perf_counter
from zoneinfo import ZoneInfo

from drkit.catalog import make_id
from drkit.model import Point
from drkit.report.document import to_document
from drkit.report.facts import make_report
from drkit.report.model import Known
from drkit.report.page import draw_page
from drkit.report.text import write_text
from drkit.timetable import parse_cron
from report_simulation import make_drill

START, HOURS = datetime(2025, 11, 1, tzinfo=UTC), 365 * 24
ZONE = ZoneInfo("Europe/Madrid")
RTO, RPO = timedelta(minutes=15), timedelta(hours=2)


def known(number: int, every: int) -> Known:
    random = Random(number)
    source = f"shop/source-{number}"
    points = []
    for hour in range(0, HOURS, every):
        if random.random() < 0.995:
            at = START + timedelta(hours=hour, seconds=random.randrange(20))
            points.append(Point(source, make_id(at, "7f3a9c01"), at, 10**8 + hour * 1000, committed_at=at + RTO / 10))
    firsts = [date(2025, 11, 1), date(2025, 12, 1), *(date(2026, month, 1) for month in range(1, 11))]
    days = (datetime.combine(first, time(4), ZONE).astimezone(UTC) for first in firsts)
    drills = [make_drill(source, at, timedelta(minutes=random.uniform(5, 16)), RTO) for at in days]
    return Known(source, "postgres", parse_cron("0 * * * *"), parse_cron("0 4 1 * *"), RTO, RPO, points, drills)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    sources = [known(number, options.every) for number in range(options.sources)]
    gc.freeze()  # what stands for the listing is not to be looked through again and again
    began = perf_counter()
    report = make_report("shop", sources, date(2026, 10, 1), ZONE, START + timedelta(hours=HOURS))
    facts = perf_counter()
    page = draw_page(report).encode()
    drawn = perf_counter()
    document, text = to_document(report), write_text(report)
    ended = perf_counter()
    print(f"{options.sources} sources, {sum(len(source.points) for source in sources):,} points")
    print(f"facts {facts - began:.2f} s, page {drawn - facts:.2f} s, JSON and text {ended - drawn:.2f} s")
    print(f"all of it {ended - began:.2f} s; the page has {len(page):,} bytes")
    print(f"{len(document)} members, {len(text.splitlines())} lines")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB, the points included")


if __name__ == "__main__":
    main()
