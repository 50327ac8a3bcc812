"""The daemon at rest, with 200 sources and 10,000 points: its memory and its time, how late jobs start, how long a
scrape and the page take. Prints figures; nothing is asserted."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from commands import DRKIT
from data import make_shop

_SOURCES, _POINTS = 200, 10_000
_REST = 120  # seconds that the daemon is watched at rest
_SCRAPES = 15
_LOOK_EVERY = 15 * 60
_TICKS = os.sysconf("SC_CLK_TCK")


def bench_daemon(folder: Path) -> None:
    config = _prepare(folder)
    with _daemon(config, folder / "daemon.log") as (child, port):
        _await_first_look(port)
        before, began = _seconds(child.pid), time.monotonic()
        time.sleep(_REST)
        own = (_seconds(child.pid) - before) / (time.monotonic() - began)
        looks = [_time_look(config) for _ in range(3)]
        looking = median(looks) / _LOOK_EVERY
        print(f"\nThe daemon at rest, {_SOURCES} sources, {_POINTS:,} points")
        print(f"  memory {_memory(child.pid):.1f} MiB; {100 * own:.2f} % of a core")
        print(f"  a look at all: {median(looks):.2f} s of CPU, every 15 minutes: {100 * looking:.2f} % of a core")
        for path in ("/metrics", "/", "/readyz"):
            times, size = zip(*(_get(port, path) for _ in range(_SCRAPES)), strict=True)
            print(f"  {path:10} {median(times):.3f} s, {size[-1] / 1000:.0f} kB")
        late = _lateness(folder / "daemon.log")
        print(f"  jobs started {max(late):.2f} s late at most, {median(late):.2f} s as a rule ({len(late)} of them)")


def _prepare(folder: Path) -> Path:
    """One real point a source, and older ones that only a listing sees."""
    home = folder / "daemon"
    shutil.rmtree(home, ignore_errors=True)
    shop = folder / "small.db"
    make_shop(shop, 100_000)
    store = home / "store"
    command = [DRKIT, "init", str(home), "--name", "shop", "--path", str(shop), "--kind", "sqlite"]
    subprocess.run([*command, "--store", store.as_uri()], check=True, capture_output=True)
    schedule = home / "schedules/shop.toml"
    head = schedule.read_text().partition("[sources.main]")[0]
    lines = [head, '[jobs]\nreport = "never"\nevidence = "never"\nprune = "never"\n']
    for number in range(_SOURCES):
        cron = "* * * * *" if number == 0 else "0 0 1 1 *"
        lines.append(f'[sources.s{number:03}]\nkind = "sqlite"\npath = "{shop}"\nbackup = "{cron}"\n')
    schedule.write_text("\n".join(lines))
    subprocess.run([DRKIT, "--config", str(schedule.parent), "backup", "now"], check=True, capture_output=True)
    for number in range(_SOURCES):
        for back in range(1, _POINTS // _SOURCES):
            moment = datetime.now(UTC) - timedelta(hours=back)
            place = store / f"shop/s{number:03}/backups/{moment:%Y%m%dT%H%M%S.%f}Z-0000000a"
            place.mkdir(parents=True)
            (place / "database.zst.age").write_bytes(b"x" * 1000)
            (place / "manifest.json").write_bytes(b"{}")
    return schedule.parent


@contextmanager
def _daemon(config: Path, log: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    with log.open("wb") as err:
        child = subprocess.Popen([DRKIT, "--config", str(config), "daemon", "--listen", "127.0.0.1:0"], stderr=err)
    try:
        while not (urls := [line["url"] for line in _lines(log) if "url" in line]):
            time.sleep(0.1)
        yield child, int(urls[0].rpartition(":")[2].strip("/"))
    finally:
        child.terminate()
        child.wait()


def _lines(log: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]


def _await_first_look(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    while True:
        connection.request("GET", "/status.json")
        if json.loads(connection.getresponse().read())["looked_at"]:
            return
        time.sleep(0.2)


def _get(port: int, path: str) -> tuple[float, int]:
    began = time.monotonic()
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    size = len(connection.getresponse().read())
    return time.monotonic() - began, size


def _seconds(pid: int) -> float:
    """Without its children: those are jobs."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / _TICKS


def _memory(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def _time_look(config: Path) -> float:
    before = os.times()
    subprocess.run([DRKIT, "--config", str(config), "status", "--json", "--moments"], capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _lateness(log: Path) -> list[float]:
    begun = [line for line in _lines(log) if line["message"].endswith("begins") and line.get("subject") == "shop/s000"]
    moments = [tuple(map(datetime.fromisoformat, (line["timestamp"], line["slot"]))) for line in begun]
    return [(at - slot).total_seconds() for at, slot in moments[1:]]  # the first may be a run that was missed
