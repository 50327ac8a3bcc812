"""The daemon and what happens to it: kills, clocks, lost stores, jobs that hang, wrong schedules, a second one."""

import sqlite3
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.conftest import Shop
from cli_drills import ago
from cli_runner import Done
from daemon_runner import Clock, daemon_running, half_an_hour_ahead, hourly, members_of
from patience import await_true

HOUR = timedelta(hours=1)
YEARLY = "0 0 1 1 *"
SOURCE = '[sources.{name}]\nkind = "sqlite"\npath = "../shop.db"\nbackup = "{backup}"\n'


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    found = Clock(tmp_path / "clock")
    found.right()
    return found


def schedule(shop: Shop, backup: str, verify: str = "0 4 1 1 *", zone: str = "UTC") -> None:
    shop.edit('backup = "*/30 * * * *"', f'backup = "{backup}"')
    shop.edit('verify = "0 4 1 * *"', f'verify = "{verify}"')
    shop.edit('timezone = "UTC"', f'timezone = "{zone}"')
    shop.edit('objectives = { rpo = "1h", rto = "15m" }', 'objectives = { rto = "15m" }')


def forget_points(shop: Shop) -> None:
    for path in shop.objects():
        path.unlink()


def is_being_put(shop: Shop) -> bool:
    """The claim, which is small, is in the store then."""
    with suppress(OSError):
        return any(path.stat().st_size > 1 << 20 for path in (shop.folder / "backups/.incoming").iterdir())
    return False


def capture(shop: Shop, clock: Clock) -> None:
    done = shop.drkit.python("-m", "drkit", "backup", "now", **clock.environment)
    assert done.code == 0, done


def status(shop: Shop, clock: Clock) -> Done:
    return shop.drkit.python("-m", "drkit", "status", "--json", **clock.environment)


def slots(shop: Shop) -> Counter[str]:
    """Of the backups that were claimed, and by how many attempts."""
    found = (shop.folder / "backups/shop/runs/backup/main").glob("*.begun-*.json")
    return Counter(path.name.partition("Z")[0] for path in found)


def test_a_source_that_was_never_captured_is_captured_at_once_and_the_daemon_stops_when_told(empty: Shop) -> None:
    empty.drkit.ok("init", "--name", "shop", "--path", "shop.db")
    with daemon_running(empty.drkit) as daemon:
        [ended] = daemon.await_ended(1)
        assert ended["exit_code"] == 0
        assert daemon.stop() == 0
        assert daemon.lines[-1]["message"] == "stopped"
    assert len(empty.ids()) == 1
    await_true(lambda: not members_of(empty.drkit))


def test_a_job_starts_at_its_time_and_its_lines_share_one_correlation_id(shop: Shop, clock: Clock) -> None:
    run = half_an_hour_ahead()
    schedule(shop, hourly(run))
    clock.set(run - timedelta(seconds=5))
    capture(shop, clock)
    with daemon_running(shop.drkit, clock=clock) as daemon:
        [ended] = daemon.await_ended(1)
        [begun] = daemon.begun()
    assert begun["timestamp"] >= f"{run:%Y-%m-%dT%H:%M}"
    assert begun["correlation_id"] == ended["correlation_id"]
    manifest = shop.objects("manifest.json")[-1].read_text()
    assert begun["correlation_id"] in manifest
    assert list(slots(shop)) == [f"{run:%Y%m%dT%H%M%S.%f}"]


def test_a_report_that_was_missed_on_the_first_is_about_its_month_whenever_it_is_made_up_for(
    shop: Shop, clock: Clock
) -> None:
    schedule(shop, "0 * * * *")
    forget_points(shop)
    clock.set(datetime(2026, 9, 20, tzinfo=UTC))
    capture(shop, clock)
    clock.set(datetime(2026, 10, 20, tzinfo=UTC))
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_ended(1, "report")
    stored = [path.name for path in (shop.folder / "backups/shop/reports").iterdir()]
    assert sorted(stored) == ["2026-09.html", "2026-09.json"]


@pytest.mark.parametrize(
    ("before", "inside", "after", "runs"),
    [
        (
            "2026-10-25T00:29:57Z",
            "2026-10-25T01:29:58Z",
            "2026-10-26T01:29:58Z",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "2026-03-29T00:59:57Z",
            "2026-03-29T01:29:58Z",
            "2026-03-30T00:29:58Z",
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
    ],
    ids=["clocks set back", "clocks set forward"],
)
def test_a_job_at_half_past_two_runs_once_in_either_night(
    shop: Shop, clock: Clock, before: str, inside: str, after: str, runs: list[str]
) -> None:
    schedule(shop, "30 2 * * *", zone="Europe/Madrid")
    forget_points(shop)
    start, during, next_day = map(datetime.fromisoformat, (before, inside, after))
    clock.set(start - timedelta(hours=5))
    capture(shop, clock)
    clock.set(start)
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_ended(1)
        clock.set(during)
        daemon.await_message("the clock was set")
        clock.set(next_day)
        daemon.await_ended(2)
    assert [line["slot"] for line in daemon.begun()] == runs


def test_a_clock_that_jumps_ahead_and_back_neither_doubles_a_run_nor_stops_them(shop: Shop, clock: Clock) -> None:
    run = half_an_hour_ahead()
    schedule(shop, hourly(run))
    clock.right()
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_message("are planned")
        clock.set(run + timedelta(minutes=1))
        daemon.await_ended(1)
        clock.set(run + timedelta(days=1, minutes=1))
        daemon.await_ended(2)
        clock.set(run + timedelta(minutes=2))  # a day back: this hour has its point
        daemon.await_(lambda: sum("the clock was set" in line["message"] for line in daemon.lines) == 3)
        clock.set(run + HOUR - timedelta(seconds=3))
        daemon.await_ended(3)
    assert set(slots(shop).values()) == {1}
    assert len(shop.ids()) == 4
    told = shop.drkit("status", "--json").document["sources"][0]
    assert any("a moment that cannot be true" in note for note in told["notes"])


def test_a_daemon_that_is_killed_in_mid_backup_neither_forgets_nor_repeats_it(shop: Shop) -> None:
    with shop.with_tree(megabytes=256), daemon_running(shop.drkit) as daemon:
        daemon.await_line(lambda line: line.get("subject") == "shop/tree" and line["message"].endswith("begins"))
        daemon.await_(lambda: is_being_put(shop))
        daemon.kill()
        with daemon_running(shop.drkit) as heir:  # the backup goes on without its parent
            heir.await_message("are planned")
            manifests = shop.folder / "backups/shop/tree/backups"
            heir.await_(lambda: list(manifests.glob("*/manifest.json")))
            assert not [line for line in heir.begun() if line["subject"] == "shop/tree"]
    assert len(list(manifests.glob("*/manifest.json"))) == 1


def test_a_machine_that_dies_in_mid_backup_is_made_up_for_at_once(shop: Shop) -> None:
    with shop.with_tree(megabytes=256):
        with daemon_running(shop.drkit) as daemon:
            daemon.await_line(lambda line: line.get("subject") == "shop/tree" and line["message"].endswith("begins"))
            daemon.await_(lambda: is_being_put(shop))
        with daemon_running(shop.drkit) as heir:
            begun = heir.await_line(
                lambda line: line.get("subject") == "shop/tree" and line["message"].endswith("begins")
            )
            assert begun["attempt"] == 2
            heir.await_line(lambda line: line.get("subject") == "shop/tree" and line.get("exit_code") == 0)


def test_a_job_that_hangs_is_ended_and_keeps_nobody_else_waiting(shop: Shop) -> None:
    schedule(shop, YEARLY)
    with shop.schedule.open("a") as file:
        file.write(SOURCE.format(name="held", backup=YEARLY).replace("shop.db", "held.db"))
        file.write('lock_timeout = "1h"\n[jobs]\ntime_limit = "4s"\n')
    with closing(sqlite3.connect(shop.folder / "held.db", isolation_level=None)) as holder:
        holder.execute("create table t (x)")
        holder.execute("pragma locking_mode = exclusive")
        holder.execute("begin exclusive")
        forget_points(shop)
        with daemon_running(shop.drkit, "--workers", "2") as daemon:
            ended = daemon.await_line(lambda line: line.get("subject") == "shop/held" and "exit_code" in line)
            assert ended["level"] == "error" and "took longer than 0:00:04" in ended["message"]
            daemon.await_line(lambda line: line.get("subject") == "shop/main" and line.get("exit_code") == 0)
    assert len(shop.ids()) == 1


def test_two_daemons_on_one_store_run_each_job_once(shop: Shop, clock: Clock) -> None:
    run = half_an_hour_ahead()
    schedule(shop, hourly(run))
    clock.set(run - timedelta(seconds=8))
    capture(shop, clock)
    with daemon_running(shop.drkit, clock=clock) as one, daemon_running(shop.drkit, clock=clock) as other:
        one.await_ended(1)
        other.await_ended(1)
        said = [line["message"] for each in (one, other) for line in each.ended()]
    assert sorted(said) == ["backup of shop/main ended well", "backup of shop/main was somebody else's to do"]
    assert set(slots(shop).values()) == {1}
    assert len(shop.ids()) == 3


def test_a_wrong_schedule_leaves_the_last_good_one_in_force_and_says_so(shop: Shop, clock: Clock) -> None:
    run = half_an_hour_ahead()
    schedule(shop, hourly(run))
    shop.drkit.ok("backup", "now")
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_message("are planned")
        good = shop.schedule.read_text()
        shop.schedule.write_text(good.replace(hourly(run), "every hour"))
        complaint = daemon.await_line(lambda line: line["level"] == "error")
        assert "shop.toml" in complaint["message"] and "every hour" in complaint["message"]
        assert str(shop.folder) in complaint["message"]
        clock.set(run + timedelta(seconds=1))
        [ended] = daemon.await_ended(1)
        assert ended["exit_code"] == 0
        shop.schedule.write_text(good + SOURCE.format(name="second", backup=YEARLY))
        daemon.await_message("the schedules were loaded anew")
        daemon.await_line(lambda line: line.get("subject") == "shop/second" and line.get("exit_code") == 0)


def test_a_daemon_without_a_valid_schedule_does_not_start(shop: Shop) -> None:
    shop.schedule.write_text("store = 1\n")
    done = shop.drkit("daemon")
    assert done.code == 3
    assert str(shop.schedule) in done.errors[0]["message"]


def test_a_store_that_is_gone_for_an_hour_is_made_up_for_once(shop: Shop, clock: Clock) -> None:
    run = half_an_hour_ahead()
    schedule(shop, hourly(run))
    shop.drkit.ok("backup", "now")
    store, away = shop.folder / "backups", shop.folder / "away"
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_message("are planned")
        store.rename(away)
        store.write_text("a disk that is not mounted\n")
        clock.set(run + timedelta(seconds=1))
        failed = daemon.await_ended(1)[0]
        assert failed["level"] == "error" and failed["exit_code"] == 5
        store.unlink()
        away.rename(store)
        clock.set(run + HOUR - timedelta(minutes=5))
        well = daemon.await_line(lambda line: line.get("job") == "backup" and line.get("exit_code") == 0)
        assert well["message"] == "backup of shop/main ended well"
    assert len(shop.ids()) == 3


def test_retries_of_a_failing_backup_stop_when_its_source_is_back(shop: Shop, clock: Clock) -> None:
    soon = datetime.now(UTC).replace(second=1) + timedelta(minutes=3)
    schedule(shop, f"{soon.minute} {soon.hour} * * *")
    capture(shop, clock)
    (shop.folder / "shop.db").rename(shop.folder / "away.db")
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_message("are planned")
        clock.set(soon)
        daemon.await_ended(1)
        clock.set(soon + timedelta(minutes=2))
        assert [line["exit_code"] for line in daemon.await_ended(2)] == [4, 4]
        standing = status(shop, clock)
        assert standing.code == 8
        assert "backup failed" in [each["kind"] for each in standing.document["sources"][0]["troubles"]]
        (shop.folder / "away.db").rename(shop.folder / "shop.db")
        clock.set(soon + timedelta(minutes=9))
        daemon.await_ended(3)
        assert status(shop, clock).document["sources"][0]["troubles"] == []
    assert daemon.ended()[-1]["exit_code"] == 0


def test_the_other_hours_of_a_long_gone_daemon_are_one_run(shop: Shop, clock: Clock) -> None:
    run = half_an_hour_ahead()
    schedule(shop, hourly(run))
    forget_points(shop)
    shop.capture_at(f"{ago(hours=30):%Y-%m-%dT%H:%M:%SZ}")
    with daemon_running(shop.drkit, clock=clock) as daemon:
        daemon.await_ended(1)
        clock.set(run + timedelta(seconds=1))
        daemon.await_ended(2)
    assert len(shop.ids()) == 3
