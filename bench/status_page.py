"""How long the status page of 200 sources takes to be drawn, sent and seen in a browser, and how big it is.

    PYTHONPATH=tests bench/status_page.py [--sources 200] [--days 4]      DAYS of hourly and rarer backups

It needs chromium. The first page after a look draws all strips; those that follow find them drawn.
"""

import argparse
import resource
import tempfile
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from browser import open_browser
from drkit.daemon.page import Easel
from status_server import status_server
from status_states import NOW, many

_PAINTED = """new Promise((yes) => new PerformanceObserver((seen) => yes(seen.getEntries().at(-1).startTime))
    .observe({type: "paint", buffered: true}))"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--days", type=float, default=4)
    options = parser.parse_args()
    state = many(options.sources, per_source=timedelta(days=options.days))
    points = sum(len(source.moments) for source in state.bulletin.sources)
    easel = Easel()
    began = perf_counter()
    page = easel.draw(state, NOW)
    first = perf_counter()
    easel.draw(state, NOW)
    again = perf_counter()
    print(f"{options.sources} sources, {points:,} points: {len(page.encode()):,} bytes")
    print(f"drawn in {first - began:.3f} s, and again in {again - first:.3f} s")
    with tempfile.TemporaryDirectory() as folder, open_browser(Path(folder)) as browser, status_server(state) as server:
        painted = []
        browser.look(1280, 900)
        browser.open(f"{server.url}healthz")  # what a browser does when it has just started is not the page's
        for _ in range(7):
            browser.open(server.url)
            painted.append(browser.run(_PAINTED))
        print(f"first paint: first {painted[0]:.0f} ms, median {median(painted):.0f} ms, worst {max(painted):.0f} ms")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {memory:,.0f} MiB, with what stands for the stores")


if __name__ == "__main__":
    main()
