"""Ayni promised: daily backups kept 30 days, any second of the last 24 hours, and a way back from a bad migration."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from patience import PATIENCE
from servers.redis import redis_server
from systems.ayni import DATABASE, Ayni, Favours, ayni_running
from systems.team import utc

# a month of dumps is lived in the first test's setup
pytestmark = pytest.mark.timeout(900)
DAYS = 31
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Month:
    """What has happened until the afternoon of a bad day: at noon a release came with a migration."""

    ayni: Ayni
    days: list[date]
    noon: datetime
    half_a_minute_before: Favours
    just_before: Favours
    tasks: dict[tuple[int, bytes], tuple[Any, int]]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    with ayni_running(tmp_path_factory.mktemp("ayni")) as ayni:
        team = ayni.team
        days = list(team.days(DAYS))
        team.clock.set(team.moment(days[0], 1))
        ayni.deploy()
        ayni.found_towns()
        for number, day in enumerate(days[:-1]):
            team.clock.set(team.moment(day, 3, 15))
            ayni.do_favours()
            team.drkit.ok("backup", "now", "ayni/main")
            if number == 20:
                ayni.deploy("0003_notes")
        yield live_the_bad_day(ayni, days)


def live_the_bad_day(ayni: Ayni, days: list[date]) -> Month:
    """The jobs of its morning by the commands that the daemon gives, while the log is followed."""
    team, last = ayni.team, days[-1]
    noon = team.moment(last, 12)
    team.clock.set(team.moment(last, 3, 15))
    with team.drkit.running("follow", "ayni/pitr") as follower:
        ayni.await_followed()
        team.drkit.ok("backup", "now", "ayni/main")
        team.clock.set(team.moment(last, 3, 40))
        team.drkit.ok("prune", "ayni")
        team.clock.set(team.moment(last, 3, 45))
        team.drkit.ok("backup", "now", "ayni/pitr")
        team.clock.set(team.moment(last, 11, 25))
        ayni.queue_tasks()
        tasks = ayni.redis.contents()
        team.drkit.ok("backup", "now", "ayni/queue")
        team.clock.set(noon - 40 * SECOND)
        ayni.do_favours()
        half_a_minute_before = ayni.favours()
        team.clock.set(noon - 20 * SECOND)
        ayni.do_favours()
        just_before = ayni.favours()
        team.clock.set(noon)
        ayni.deploy("0004_hours")
        ayni.redis.call("DEL", "celery")  # every task failed by what it found
        ayni.await_followed()
        follower.terminate()
        assert follower.wait(PATIENCE) == 130
    return Month(ayni, days, noon, half_a_minute_before, just_before, tasks)


def test_thirty_days_of_daily_backups_are_kept_and_no_more(month: Month) -> None:
    points = month.ayni.team.drkit.json("backup", "list", "ayni/main")["points"]
    captured = [datetime.fromisoformat(point["consistent_at"]).astimezone(month.ayni.team.zone) for point in points]
    assert [moment.date() for moment in reversed(captured)] == month.days[-30:]


def test_a_dump_of_any_of_those_days_is_restored_with_the_revision_and_the_rows_of_that_time(month: Month) -> None:
    ayni, day = month.ayni, month.days[-25]
    at = utc(ayni.team.moment(day, 12))
    done = ayni.team.drkit.json("restore", "ayni/main", "--at", at, "--to", "that_day", "--yes")
    [hook] = done["hooks"]
    assert (hook["command"], hook["output"].split()[0]) == ("DATABASE_URL=$DRKIT_TARGET alembic current", "0002")
    assert ayni.revision("that_day") == "0002"
    known = [favour for favour in month.just_before if favour.given_at < ayni.team.moment(day, 12)]
    assert ayni.favours("that_day") == known


def test_every_second_of_the_last_day_can_be_restored(month: Month) -> None:
    ayni = month.ayni
    at = utc(month.noon - 30 * SECOND)
    ayni.team.drkit.ok("restore", "ayni/pitr", "--at", at, "--to", ayni.server.dsn("that_second"))
    assert ayni.favours("that_second") == month.half_a_minute_before


def test_tasks_that_waited_wait_again_in_an_empty_redis_with_results_and_their_expiry(month: Month) -> None:
    team = month.ayni.team
    with redis_server() as empty:
        team = team.given(NEW_REDIS_URL=empty.url)
        team.drkit.ok("restore", "ayni/queue", "--at", utc(month.noon - SECOND), "--to", "env:NEW_REDIS_URL")
        assert len(month.tasks) == 21
        assert empty.contents() == month.tasks


def test_a_restore_test_tells_that_the_migration_took_the_policies_away(month: Month) -> None:
    team = month.ayni.team
    team.drkit.ok("backup", "now", "ayni/main")
    done = team.drkit("verify", "now", "ayni/main", "--json")
    [drill] = done.document["drills"]
    assert (done.code, drill["passed"]) == (8, False)
    assert [check["name"] for check in drill["checks"] if not check["passed"]] == ["every town's rows have a policy"]


def test_a_bad_migration_is_undone_schema_and_data_and_each_town_sees_its_own_again(month: Month) -> None:
    ayni = month.ayni
    assert ayni.revision(DATABASE) == "0004"
    assert ayni.seen_in(1) == {1, 2, 3}
    ayni.team.type(
        f"drkit restore ayni/pitr --at {utc(month.noon - SECOND)} --to env:AYNI_DATABASE_URL --swap --yes"
        " --hook 'DATABASE_URL=$DRKIT_TARGET alembic current >now'"
    )
    assert ayni.team.type("cat now").split()[0] == "0003"
    assert ayni.revision(DATABASE) == "0003"
    assert ayni.favours() == month.just_before
    assert [ayni.seen_in(town) for town in (1, 2, 3)] == [{1}, {2}, {3}]
    assert ayni.refuses_to_show_all()
