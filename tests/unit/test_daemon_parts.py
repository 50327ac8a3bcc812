"""What the daemon makes of schedules, looks and runs, piece by piece."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon_world import source_bulletin
from drkit.bulletin import Bulletin, SystemBulletin
from drkit.chores import find_chore_troubles
from drkit.config import load_system
from drkit.daemon.child import Answer, run_child
from drkit.daemon.jobs import find_unplanned, plan_jobs
from drkit.daemon.looking import Looking, merge
from drkit.daemon.model import Ended, Name, State
from drkit.daemon.telling import Telling, spell
from drkit.daemon.troubles import complete
from drkit.disk.life import is_dead, name_process
from drkit.runs import Failure, Record
from drkit.timetable import parse_cron
from drkit.troubles import Trouble
from processes import children_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
UTC_ZONE = ZoneInfo("UTC")
SCHEDULES = Path(__file__).parents[2] / "schedules"


def shop(folder: Path, *lines: str, keys: str = 'signing_key = "file:signing"\nidentity = "file:identity"') -> Path:
    file = folder / "shop.toml"
    file.write_text(
        '[store]\nurl = "file:///nowhere"\n[encryption]\nrecipients = ["env:R"]\nsigners = ["env:S"]\n'
        f"{keys}\n{chr(10).join(lines)}\n"
        '[sources.main]\nkind = "sqlite"\npath = "shop.db"\nbackup = "0 * * * *"\nverify = "0 4 1 * *"\n'
        "keep = { daily = 30 }\n"
    )
    return file


def test_a_schedule_asks_for_a_job_a_source_and_those_of_the_system(tmp_path: Path) -> None:
    jobs = {job.name: job for job in plan_jobs([load_system(shop(tmp_path))])}
    assert set(jobs) == {
        ("backup", "shop/main"),
        ("verify", "shop/main"),
        ("prune", "shop"),
        ("report", "shop"),
        ("evidence", "shop"),
    }
    assert jobs[("evidence", "shop")].command == ("evidence", "verify", "all", "shop", "--json")
    assert {job.time_limit for job in jobs.values()} == {timedelta(hours=6)}


def test_a_job_that_is_never_to_run_is_not_planned(tmp_path: Path) -> None:
    file = shop(tmp_path, "[jobs]", 'prune = "never"', 'report = "never"')
    assert {job.kind for job in plan_jobs([load_system(file)])} == {"backup", "verify", "evidence"}


def test_an_audit_is_planned_where_it_is_asked_for_as_it_reads_all_that_is_stored(tmp_path: Path) -> None:
    asked = load_system(shop(tmp_path, "[jobs]", 'audit = "50 4 * * *"'))
    [audit] = [job for job in plan_jobs([asked]) if job.kind == "audit"]
    assert audit.command == ("audit", "--sample", "10%", "shop", "--json")


def test_a_drill_of_all_sources_is_planned_where_it_is_asked_for_and_the_identity_is(tmp_path: Path) -> None:
    asked = ("[set]", 'verify = "50 4 * * *"')
    [rehearsal] = [job for job in plan_jobs([load_system(shop(tmp_path, *asked))]) if job.kind == "rehearsal"]
    assert (rehearsal.subject, rehearsal.command) == ("shop", ("verify", "now", "--set", "shop", "--json"))
    backup_host = load_system(shop(tmp_path, *asked, keys='signing_key = "file:signing"'))
    assert "rehearsal" not in {job.kind for job in plan_jobs([backup_host])}


def test_without_an_identity_nothing_is_drilled_and_the_daemon_says_so(tmp_path: Path) -> None:
    system = load_system(shop(tmp_path, keys='signing_key = "file:signing"'))
    assert "verify" not in {job.kind for job in plan_jobs([system])}
    assert ["restore tests are not run here" in words for words in find_unplanned([system])] == [True]


def test_without_a_signing_key_nothing_is_run_at_all(tmp_path: Path) -> None:
    system = load_system(shop(tmp_path, keys=""))
    assert plan_jobs([system]) == ()
    assert ["backups and jobs are not run here" in words for words in find_unplanned([system])] == [True]


def test_a_jitter_spreads_jobs_and_gives_each_the_same_delay_again(tmp_path: Path) -> None:
    file = shop(tmp_path, "[jobs]", 'jitter = "4m"')
    delays = [job.delay for job in plan_jobs([load_system(file)])]
    assert delays == [job.delay for job in plan_jobs([load_system(file)])]
    assert len(set(delays)) == len(delays)
    assert all(timedelta(0) <= delay <= 4 * MINUTE for delay in delays)


@pytest.mark.parametrize("file", sorted(SCHEDULES.glob("*.toml")), ids=lambda file: file.stem)
def test_every_schedule_that_ships_can_be_planned(file: Path) -> None:
    assert {job.subject.partition("/")[0] for job in plan_jobs([load_system(file)])} <= {file.stem}


def chore_troubles(record: Record, now: datetime) -> list[Trouble]:
    cron = {"prune": parse_cron("40 3 * * *")}
    failures = {"prune": Failure("no room", "make some", 5, "")}
    return list(find_chore_troubles("shop", cron, UTC_ZONE, {"prune": record}, failures, now))


def test_a_chore_that_never_ran_is_no_trouble() -> None:
    assert chore_troubles(Record(), NOON) == []


def test_a_chore_that_failed_is_one_until_it_ends_well() -> None:
    [trouble] = chore_troubles(Record(failed_at=NOON, done_at=NOON - HOUR), NOON)
    assert (trouble.kind, trouble.what, trouble.since) == ("prune failed", "the last prune failed: no room", NOON)
    assert chore_troubles(Record(failed_at=NOON, done_at=NOON + HOUR), NOON + HOUR) == []


def test_a_chore_is_overdue_an_hour_after_its_time() -> None:
    done = Record(done_at=NOON - timedelta(days=1))
    due = NOON.replace(hour=3, minute=40)
    assert chore_troubles(done, due + HOUR) == []
    [trouble] = chore_troubles(done, due + HOUR + 6 * MINUTE)
    assert (trouble.kind, trouble.since) == ("prune overdue", due)


def bulletin(*sources: str, failed: Sequence[str] = ()) -> Bulletin:
    told = tuple(source_bulletin(each, [NOON], now=NOON) for each in sources)
    systems = tuple(SystemBulletin(each, None, (), ()) for each in sorted({each.partition("/")[0] for each in sources}))
    return Bulletin(told, systems, dict.fromkeys(failed, "no route to the store"))


def seen(each: Bulletin) -> set[str]:
    return {source.source for source in each.sources}


def test_a_look_at_one_source_leaves_what_is_known_of_the_others() -> None:
    merged = merge(bulletin("shop/a", "shop/b", failed=["shop/c"]), bulletin("shop/a"), whole=False)
    assert seen(merged) == {"shop/a", "shop/b"}
    assert set(merged.failed) == {"shop/c"}


def test_a_look_at_all_forgets_sources_that_are_planned_no_more() -> None:
    assert seen(merge(bulletin("shop/a", "shop/b"), bulletin("shop/a"), whole=True)) == {"shop/a"}


def test_what_cannot_be_seen_any_more_stays_as_it_was_last() -> None:
    merged = merge(bulletin("shop/a", "shop/b"), bulletin("shop/a", failed=["shop/b"]), whole=True)
    assert seen(merged) == {"shop/a", "shop/b"}
    assert set(merged.failed) == {"shop/b"}


def test_a_source_that_can_be_seen_again_has_failed_no_more() -> None:
    merged = merge(bulletin("shop/a", failed=["shop/b"]), bulletin("shop/b"), whole=False)
    assert merged.failed == {}


class Looks:
    """Answers looks from a bulletin of its own, and remembers who was looked at."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.asked: list[list[str]] = []
        self._answers = list(answers)

    async def __call__(self, names: Sequence[str]) -> Answer:
        self.asked.append(list(names))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def look(looking: Looking, now: datetime) -> None:
    looking.tick(now)
    for _ in range(3):
        await asyncio.sleep(0)


def test_all_is_looked_at_now_and_then_and_who_is_wanted_at_once() -> None:
    looks = Looks([Answer(0, {"sources": [], "systems": []})])
    times = [NOON]
    looking = Looking(looks, timedelta(minutes=15), lambda: times[-1], lambda _: None)

    async def live() -> None:
        for now, wanted in [(NOON, ""), (NOON + MINUTE, ""), (NOON + MINUTE, "shop/a"), (NOON + 16 * MINUTE, "")]:
            times.append(now)
            if wanted:
                looking.want(wanted)
            await look(looking, now)

    asyncio.run(live())
    assert looks.asked == [[], ["shop/a"], []]


def test_a_look_that_fails_is_made_again_after_half_a_minute_and_says_why() -> None:
    looks = Looks([Answer(70, errors=({"message": "no memory"},)), Answer(0, {"sources": [], "systems": []})])
    times = [NOON]
    looking = Looking(looks, timedelta(minutes=15), lambda: times[-1], lambda _: None)

    async def live() -> None:
        for seconds in (0, 10, 20):
            times.append(NOON + timedelta(seconds=seconds))
            await look(looking, times[-1])
        assert (len(looks.asked), looking.error) == (1, "no memory")
        times.append(NOON + timedelta(seconds=31))
        await look(looking, times[-1])

    asyncio.run(live())
    assert (len(looks.asked), looking.error) == (2, "")


OVERDUE = Trouble("overdue", "a backup is overdue", NOON, "look")


def troubled() -> Bulletin:
    [source] = bulletin("shop/a").sources
    return Bulletin((replace(source, troubles=(OVERDUE,)),), (SystemBulletin("shop", None, (), ()),))


def test_people_are_told_when_what_is_wrong_changes_and_not_before() -> None:
    told: list[str] = []

    async def notify(own: str) -> Answer:
        told.append(own)
        return Answer(0)

    async def live() -> None:
        telling = Telling(notify, lambda: NOON)
        for each in (bulletin("shop/a"), bulletin("shop/a"), troubled(), troubled(), bulletin("shop/a")):
            telling.tick(each, {})
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(live())
    assert len(told) == 3


def test_a_notice_that_nobody_took_is_tried_again_after_a_minute() -> None:
    tried: list[datetime] = []
    times = [NOON]

    async def notify(_own: str) -> Answer:
        tried.append(times[-1])
        return Answer(5)

    async def live() -> None:
        telling = Telling(notify, lambda: times[-1])
        for seconds in (0, 10, 59, 61):
            times.append(NOON + timedelta(seconds=seconds))
            telling.tick(troubled(), {})
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(live())
    assert tried == [NOON, NOON + timedelta(seconds=61)]


def ended(job: str, exit_code: int, **more: object) -> Ended:
    return Ended((job, "shop/a"), NOON, 1, NOON, NOON + MINUTE, exit_code, error="it says why", **more)


def own_troubles(seen: Bulletin, last: Mapping[Name, Ended], error: str = "") -> Mapping[str, tuple[Trouble, ...]]:
    state = State(NOON, config_error=error, config_since=NOON, looked_at=NOON, bulletin=seen, last=last)
    return complete(state).troubles


def test_a_job_that_failed_is_told_by_the_daemon_until_the_store_tells_it() -> None:
    last = {("backup", "shop/a"): ended("backup", 3)}
    [trouble] = own_troubles(bulletin("shop/a"), last)["shop/a"]
    assert (trouble.kind, trouble.since) == ("backup failed", NOON + MINUTE)
    told = replace(troubled().sources[0], troubles=(replace(OVERDUE, kind="backup failed"),))
    assert own_troubles(Bulletin((told,)), last) == {}


def test_a_drill_that_failed_is_told_by_its_evidence() -> None:
    drilled = replace(troubled().sources[0], troubles=(replace(OVERDUE, kind="drill failed"),))
    assert own_troubles(Bulletin((drilled,)), {("verify", "shop/a"): ended("verify", 8)}) == {}


def test_what_somebody_else_does_has_not_failed() -> None:
    last = {("backup", "shop/a"): ended("backup", 0, taken=True)}
    assert own_troubles(bulletin("shop/a"), last) == {}


def test_a_wrong_schedule_is_told_to_every_system() -> None:
    own = own_troubles(bulletin("shop/a", "bar/b"), {}, "shop.toml: wrong")
    told = spell(own, bulletin("shop/a", "bar/b"))
    assert [(each["system"], each["kind"]) for each in told] == [("bar", "config"), ("shop", "config")]


def test_this_process_lives_and_one_of_another_machine_is_not_known_to_be_dead() -> None:
    assert not is_dead(name_process())
    assert not is_dead("elsewhere/1/1")
    host, pid, began = name_process().split("/")
    assert is_dead(f"{host}/{pid}/{int(began) + 1}")


def test_a_process_that_has_ended_is_dead_before_anybody_takes_note_of_it() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        name = name_process(child.pid)
        assert not is_dead(name)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(name)


def test_the_answer_of_a_child_is_its_exit_code_and_what_its_log_says_is_wrong(tmp_path: Path) -> None:
    answer = asyncio.run(run_child(("--config", str(tmp_path), "status"), lambda _: None, timedelta(seconds=60)))
    assert answer.exit_code == 3
    assert "no .toml" in str(answer.errors[0]["message"])


@pytest.fixture
def endless(tmp_path: Path) -> tuple[str, ...]:
    """A command that waits for ever: its schedule is a pipe that nobody writes into."""
    os.mkfifo(tmp_path / "shop.toml")
    return ("--config", str(tmp_path), "status")


def test_a_child_is_told_to_stop_when_its_time_is_up(endless: tuple[str, ...]) -> None:
    answer = asyncio.run(run_child(endless, lambda _: None, timedelta(seconds=3)))
    assert (answer.exit_code, answer.timed_out) == (130, True)


def test_a_child_that_does_not_listen_is_killed(endless: tuple[str, ...]) -> None:
    async def live() -> Answer:
        running = asyncio.create_task(
            run_child(endless, lambda _: None, timedelta(seconds=1), patience=timedelta(seconds=1))
        )
        while not (children := [each.pid for each in children_of(os.getpid()) if set(endless) <= set(each.words)]):
            await asyncio.sleep(0.01)
        os.kill(children[0], signal.SIGSTOP)  # it hears nothing any more
        return await running

    assert asyncio.run(live()).exit_code == -signal.SIGKILL
