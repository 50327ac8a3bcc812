"""A backup that stops, for whatever reason, turns everything red that somebody may look at, and people are told.

Within its interval and five minutes more: here hours pass as fast as a clock can be set.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Shop
from cli_drills import ago
from daemon_runner import Clock, Daemon, daemon_running, hourly
from servers.receiver import receiver

INTERVAL = timedelta(hours=1)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    found = Clock(tmp_path / "clock")
    found.right()
    return found


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("pragma locking_mode = exclusive")
        holder.execute("begin exclusive")
        yield


@contextmanager
def moved(path: Path) -> Iterator[None]:
    away = path.with_name("away")
    path.rename(away)
    yield
    away.rename(path)


@contextmanager
def no_store(shop: Shop) -> Iterator[None]:
    with moved(shop.folder / "backups"):
        (shop.folder / "backups").write_text("a disk that is not mounted")
        yield
        (shop.folder / "backups").unlink()


@contextmanager
def nobody_schedules(shop: Shop) -> Iterator[None]:
    """Another host was to make the backups: this daemon has no key to sign them with."""
    text = shop.schedule.read_text()
    shop.schedule.write_text(text.replace("signing_key =", "# signing_key ="))
    yield
    shop.schedule.write_text(text)


STOPS: dict[str, Callable[[Shop], Any]] = {
    "the database is gone": lambda shop: moved(shop.folder / "shop.db"),
    "the database is locked for ever": lambda shop: locked(shop.folder / "shop.db"),
    "the store is gone": no_store,
    "the signing key is gone": lambda shop: moved(shop.folder / "keys" / "signing"),
    "nobody runs them": nobody_schedules,
}


@pytest.mark.parametrize("why", STOPS)
def test_a_backup_that_stops_turns_all_red_within_its_interval_and_five_minutes(
    shop: Shop, clock: Clock, why: str
) -> None:
    run = ago(minutes=1)  # the next one is as far away as it may be
    shop.edit('backup = "*/30 * * * *"', f'backup = "{hourly(run)}"\nlock_timeout = "5s"')
    shop.edit('objectives = { rpo = "1h", rto = "15m" }', 'objectives = { rto = "15m" }')
    with shop.schedule.open("a") as schedule:
        schedule.write('[notify]\nurls = ["env:NOTIFY_URL"]\nallow_private = true\n')
    shop.drkit.ok("backup", "now")
    with receiver() as told, daemon_running(shop.drkit, clock=clock, NOTIFY_URL=f"json://{told.place}/") as daemon:
        port = port_of(daemon)
        last = daemon.await_(lambda: well_since(port))
        with STOPS[why](shop):
            clock.set(last + INTERVAL + timedelta(minutes=4, seconds=50))
            daemon.await_(lambda: ask(port, "/readyz")[0] == 503)
            daemon.await_(lambda: red_metrics(port))
            daemon.await_(lambda: any("shop" in each.body for each in told.heard))
            assert "What needs you" in ask(port, "/")[1]


def port_of(daemon: Daemon) -> int:
    return int(daemon.await_line(lambda line: "url" in line)["url"].rpartition(":")[2].strip("/"))


def well_since(port: int) -> datetime | None:
    """When the newest point was captured, once all is well."""
    document = json.loads(ask(port, "/status.json")[1])
    if ask(port, "/readyz")[0] != 200 or not document["sources"]:
        return None
    return datetime.fromisoformat(document["sources"][0]["captured_at"]).astimezone(UTC)


def red_metrics(port: int) -> list[str]:
    lines = ask(port, "/metrics")[1].splitlines()
    red = [line for line in lines if line.startswith("drkit_healthy{") and line.endswith(" 0")]
    return red + [line for line in lines if line.startswith("drkit_trouble{") and line.endswith(" 1")]


def ask(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_daemon_itself_is_seen_to_be_gone(shop: Shop) -> None:
    """Nothing answers any more: what watches it, a check of a container or Prometheus, sees that."""
    with daemon_running(shop.drkit) as daemon:
        port = port_of(daemon)
        assert shop.drkit.python("-m", "drkit.daemon.health", DRKIT_LISTEN=f"127.0.0.1:{port}").code == 0
        daemon.kill()
        assert shop.drkit.python("-m", "drkit.daemon.health", DRKIT_LISTEN=f"127.0.0.1:{port}").code == 1
