"""Mundo tango promised: RTO 2 h, RPO 24 h, each of the last 30 days, weekly exports, a restore test every month; and
after corruption the last good state, restored beside, verified, and switched to.
"""

import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import psycopg
import pytest

from daemon_runner import daemon_running
from git_world import fsck, git, look
from systems.mundo_tango import CITIES, DATABASE, VAULT, Event, MundoTango, mundo_tango_running
from systems.team import utc

BEGUN, FIRST, RUINED, NOTICED = date(2026, 10, 30), date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 4)
LATER = date(2026, 12, 6)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Autumn:
    """What has happened until somebody complains: `before` are the events at the last backup before the release."""

    mundo: MundoTango
    before: list[Event]
    reported: bytes


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def days(first: date, end: date) -> list[date]:
    return [first + number * DAY for number in range((end - first).days)]


@pytest.fixture(scope="module")
def autumn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Autumn]:
    with mundo_tango_running(tmp_path_factory.mktemp("mundo")) as mundo:
        for day in days(BEGUN, FIRST):
            live_a_day(mundo, day)
        reported = let_the_first_of_the_month_come(mundo)
        live_an_afternoon(mundo, FIRST)
        mundo.back_up_at(at(RUINED, 4, 10), "main")
        before = mundo.events()
        mundo.team.clock.set(at(RUINED, 12))
        mundo.ruin()
        mundo.back_up_at(at(RUINED, 16, 10), "main")
        live_a_day(mundo, RUINED + DAY)
        mundo.team.clock.set(at(NOTICED, 9))
        yield Autumn(mundo, before, reported)


def live_a_day(mundo: MundoTango, day: date) -> None:
    mundo.push(f"a commit of {day}")
    mundo.back_up_at(at(day, 3, 25), "code")
    mundo.back_up_at(at(day, 3, 35), "secrets")
    live_half_a_day(mundo, day, 4)
    live_an_afternoon(mundo, day)


def live_an_afternoon(mundo: MundoTango, day: date) -> None:
    live_half_a_day(mundo, day, 16)


def live_half_a_day(mundo: MundoTango, day: date, hour: int) -> None:
    mundo.team.clock.set(at(day, hour, 5))
    mundo.announce()
    if day > RUINED:
        mundo.ruin()
    mundo.back_up_at(at(day, hour, 10), "main")


def let_the_first_of_the_month_come(mundo: MundoTango) -> bytes:
    """By the daemon alone, as the schedule says. What was signed as October's report."""
    team = mundo.team
    team.clock.set(at(FIRST, 3, 24))
    with daemon_running(team.drkit) as daemon:
        for hour, minute, job, ended in ((4, 11, "backup", 3), (4, 51, "verify", 3), (6, 1, "report", 1)):
            team.clock.set(at(FIRST, hour, minute))
            assert {each["exit_code"] for each in daemon.await_ended(ended, job)} == {0}
        assert daemon.stop() == 0
    [page] = mundo.stored("reports", "2026-10.html").values()
    return page


def test_the_role_has_neither_replication_nor_superuser_and_the_check_finds_all_that_is_needed(autumn: Autumn) -> None:
    with psycopg.connect(autumn.mundo.dsn()) as site:
        [row] = site.execute("SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = current_user").fetchall()
    assert row == (False, False)
    autumn.mundo.team.drkit.ok("check")


def test_the_monthly_restore_tests_and_the_report_are_made_by_the_schedule_alone(autumn: Autumn) -> None:
    team = autumn.mundo.team
    drills = team.drkit.json("evidence", "list")["drills"]
    assert {each["source"]: each["result"] for each in drills} == {
        "mundo-tango/main": "passed",
        "mundo-tango/code": "passed",
        "mundo-tango/secrets": "passed",
    }
    assert b"October 2026" in autumn.reported
    team.drkit.ok("evidence", "verify", "all")
    november = team.drkit.json("report", "--month", "2026-11", "--format", "json")
    assert "mundo-tango/main" in str(november)


def test_every_day_since_the_beginning_can_be_restored(autumn: Autumn) -> None:
    points = autumn.mundo.team.drkit.json("backup", "list", "mundo-tango/main")["points"]
    captured = [datetime.fromisoformat(point["consistent_at"]) for point in points]
    assert {moment.date() for moment in captured} == set(days(BEGUN, NOTICED))
    assert all(len([each for each in captured if each.date() == day]) == 2 for day in days(BEGUN, FIRST))


def test_the_secrets_open_with_age_alone_by_either_of_two_identities(autumn: Autumn) -> None:
    team = autumn.mundo.team
    newest = list(autumn.mundo.stored("secrets/backups", "/files.zst.age").values())[-1]
    assert b"sk_test" not in newest
    (team.home / "copy.age").write_bytes(newest)
    for identity in ("keys/identity", "escrow/identity"):
        opened = subprocess.run(
            ["sh", "-c", f"age -d -i {identity} copy.age | zstd -dq"], cwd=team.home, capture_output=True, check=True
        )
        with tarfile.open(fileobj=BytesIO(opened.stdout)) as archive:
            file = archive.extractfile("production.env")
            assert file is not None
            assert file.read().decode() == VAULT


def test_the_code_is_mirrored_with_all_its_branches_also_as_it_was_before_it_was_forced_away(autumn: Autumn) -> None:
    mundo = autumn.mundo
    git(mundo.work, "checkout", "--quiet", "-b", "feature")
    mundo.push("on a branch")
    mundo.back_up_at(at(NOTICED, 9, 30), "code")
    before = look(mundo.repository)
    mundo.push("instead", force=True)
    mundo.back_up_at(at(NOTICED, 10, 30), "code")
    plan = mundo.team.drkit.json("restore", "mundo-tango/code", "--dry-run")["plan"]
    assert [each["piece"] for each in plan if each["piece"].startswith("bundle-")] == [
        f"bundle-{n:04}" for n in range(5)
    ]
    for moment, target, wanted in (
        (at(NOTICED, 10), "before.git", before),
        (at(NOTICED, 11), "after.git", look(mundo.repository)),
    ):
        mundo.team.clock.set(at(NOTICED, 11))
        mundo.team.type(f"drkit restore mundo-tango/code --at {utc(moment)} --to {target}")
        assert look(mundo.team.home / target) == wanted
        assert fsck(mundo.team.home / target) == ""


def test_after_corruption_the_last_good_state_is_found_restored_beside_verified_and_switched_to(
    autumn: Autumn,
) -> None:
    mundo, team = autumn.mundo, autumn.mundo.team
    team.clock.set(at(NOTICED, 12))
    found = team.drkit.json("bisect", "mundo-tango/main")
    good = datetime.fromisoformat(found["last_good"]["moment"])
    assert (good.date(), good.hour) == (RUINED, 4)
    assert len(found["tried"]) <= 5
    restored = team.drkit.json("restore", "mundo-tango/main", "--at", found["last_good"]["moment"], "--to", "good")
    assert restored["verified"] is True
    assert mundo.events("good") == autumn.before
    assert {city for _, city in mundo.events("good")} == set(CITIES)
    assert mundo.sessions("good") == 0
    assert mundo.sessions(DATABASE) > 0

    switched = team.given(MUNDO_DATABASE_URL=mundo.dsn("good"))
    switched.drkit.ok("backup", "now", "mundo-tango/main")
    [drill] = switched.drkit.json("verify", "now", "mundo-tango/main")["drills"]
    assert (drill["passed"], drill["rto"]["met"], drill["rpo"]["met"]) == (True, True, True)


def test_later_one_export_a_week_is_left_of_what_is_older_than_thirty_days(autumn: Autumn) -> None:
    mundo, team = autumn.mundo, autumn.mundo.team
    for day in (LATER - DAY * 2, LATER - DAY, LATER):
        mundo.back_up_at(at(day, 16, 10), "main")
    team.drkit.ok("prune", "mundo-tango", "--yes")
    points = team.drkit.json("backup", "list", "mundo-tango/main")["points"]
    moments = [(datetime.fromisoformat(point["consistent_at"]), point["kept_by"]) for point in points]
    old = [(moment, rules) for moment, rules in moments if moment < at(LATER, 16) - 30 * DAY]
    assert sorted(moment.isocalendar().week for moment, rules in old if "weekly" in str(rules)) == [44, 45]
    assert len(old) <= 3  # and the newest one that a restore test has proven
    assert len(points) - len(old) == 3
