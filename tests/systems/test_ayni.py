"""Ayni promised: daily backups kept 30 days, any second of the last 24 hours, and a way back from a bad migration."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from daemon_runner import daemon_running
from systems.ayni import DATABASE, Ayni, ayni_running
from systems.team import utc

DAYS = 33
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Month:
    """What has happened until the evening of a bad day. `favours` are those at noon, before the migration."""

    ayni: Ayni
    noon: datetime
    favours: list[tuple[int, int, datetime]]
    before: datetime


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    from time import monotonic

    T = monotonic()

    def lap(w):
        nonlocal T
        print("LAP", w, round(monotonic() - T, 2))
        T = monotonic()

    with ayni_running(tmp_path_factory.mktemp("ayni")) as ayni:
        team = ayni.team
        *days, last = team.days(DAYS)
        lap("start")
        ayni.set_clock(team.moment(days[0], 1))
        ayni.deploy()
        ayni.found_towns()
        lap("deployed")
        for number, day in enumerate(days):
            ayni.do_favours(team.moment(day, 2))
            ayni.set_clock(team.moment(day, 3, 15))
            team.drkit.ok("backup", "now", "ayni/main")
            if number == 20:
                ayni.deploy("0003_notes")
        lap("days")
        noon = team.moment(last, 12)
        ayni.set_clock(team.moment(last, 3, 14, 55))
        with daemon_running(team.drkit) as daemon:
            daemon.await_ended(2)
            lap("daemon")
            print(*daemon.lines, sep="\n")
            ayni.set_clock(noon - timedelta(minutes=2))
            ayni.do_favours(noon - timedelta(minutes=2))
            ayni.set_clock(noon - 20 * SECOND)
            ayni.do_favours(noon - 20 * SECOND)
            favours = ayni.favours()
            ayni.set_clock(noon)
            ayni.deploy("0004_hours")
            lap("migrated")
            [(written,)] = ayni.server.query("SELECT pg_current_wal_flush_lsn()::text")
            daemon.await_line(lambda line: line.get("position", "") and line["position"] >= written)
            lap("followed")
            daemon.stop()
            print(*daemon.lines, sep="\n")
        lap("stopped")
        yield Month(ayni, noon, favours, noon)


def test_x(month: Month) -> None:
    print(month.ayni.team.drkit("status").out)
    print(month.ayni.team.drkit("backup", "list"))
    assert 0
