"""When a job is started next, case by case."""

from datetime import UTC, datetime, timedelta

import pytest

from daemon_world import backup_job
from drkit.daemon.agenda import RETRIES, TAKEOVER, Attempt, Known, Start, plan_start

DAILY = backup_job("shop/main", "30 2 * * *", "Europe/Madrid")
HOURLY = backup_job("shop/main")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOON = at("2026-11-20 12:00")


def test_what_is_done_waits_for_the_next_time() -> None:
    assert plan_start(HOURLY, Known(done_at=NOON), NOON + 10 * MINUTE) == Start(NOON + HOUR, NOON + HOUR, 1)


def test_what_is_due_starts_at_its_very_time() -> None:
    assert plan_start(HOURLY, Known(done_at=NOON - HOUR), NOON) == Start(NOON, NOON, 1)


def test_a_run_by_hand_just_before_the_time_does_not_stand_for_the_planned_one() -> None:
    start = plan_start(HOURLY, Known(done_at=NOON - MINUTE), NOON)
    assert start == Start(NOON, NOON, 1)


def test_many_missed_runs_are_caught_up_by_one_at_once() -> None:
    start = plan_start(HOURLY, Known(done_at=NOON - timedelta(days=3)), NOON + 5 * MINUTE)
    assert start == Start(NOON, NOON, 1)
    after = plan_start(HOURLY, Known(done_at=NOON + 6 * MINUTE), NOON + 7 * MINUTE)
    assert after == Start(NOON + HOUR, NOON + HOUR, 1)


def test_what_nothing_is_known_of_is_not_caught_up() -> None:
    assert plan_start(HOURLY, Known(), NOON + MINUTE) == Start(NOON + HOUR, NOON + HOUR, 1)


def test_a_job_that_left_nothing_yet_is_due_from_the_first_time_after_its_source_began() -> None:
    began = NOON - 5 * MINUTE
    assert plan_start(HOURLY, Known(since=began), NOON - MINUTE) == Start(NOON, NOON, 1)
    assert plan_start(HOURLY, Known(since=began), NOON + MINUTE) == Start(NOON, NOON, 1)
    assert plan_start(HOURLY, Known(since=NOON), NOON + MINUTE) == Start(NOON + HOUR, NOON + HOUR, 1)


def test_what_is_running_is_not_started_again() -> None:
    attempts = (Attempt(NOON - HOUR, 1, NOON - HOUR, "running"),)
    assert plan_start(HOURLY, Known(done_at=NOON - 2 * HOUR, attempts=attempts), NOON + MINUTE) is None


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_failure_is_tried_again_ever_more_seldom(number: int) -> None:
    failed_at = at("2026-11-20 01:35")
    attempts = (Attempt(at("2026-11-20 01:30"), number, failed_at, "failed"),)
    known = Known(done_at=at("2026-11-19 01:30"), attempts=attempts)
    start = plan_start(DAILY, known, failed_at)
    assert start == Start(failed_at + RETRIES[number - 1], at("2026-11-20 01:30"), number + 1)


def test_a_failure_is_tried_again_every_hour_until_the_next_time() -> None:
    slot = at("2026-11-20 01:30")
    known = Known(done_at=slot - 24 * HOUR, attempts=(Attempt(slot, 9, slot + 6 * HOUR, "failed"),))
    assert plan_start(DAILY, known, slot + 6 * HOUR) == Start(slot + 7 * HOUR, slot, 10)
    last = Known(done_at=slot - 24 * HOUR, attempts=(Attempt(slot, 27, slot + 23.5 * HOUR, "failed"),))
    assert plan_start(DAILY, last, slot + 23.5 * HOUR) == Start(slot + 24 * HOUR, slot + 24 * HOUR, 1)


def test_failures_of_an_earlier_time_do_not_count() -> None:
    known = Known(done_at=NOON - 5 * HOUR, attempts=(Attempt(NOON - HOUR, 4, NOON - MINUTE, "failed"),))
    assert plan_start(HOURLY, known, NOON) == Start(NOON, NOON, 1)


def test_what_somebody_else_has_claimed_is_taken_over_when_nothing_came_of_it() -> None:
    known = Known(done_at=NOON - 24 * HOUR, attempts=(Attempt(NOON, 1, NOON, "claimed"),))
    assert plan_start(HOURLY, known, NOON + MINUTE) == Start(NOON + TAKEOVER, NOON, 2)


def test_a_claim_is_respected_for_twice_as_long_as_the_job_takes() -> None:
    slot = at("2026-11-20 01:30")
    known = Known(done_at=slot - 24 * HOUR, attempts=(Attempt(slot, 1, slot, "claimed"),), takes=HOUR)
    assert plan_start(DAILY, known, slot + MINUTE) == Start(slot + 2 * HOUR, slot, 2)


def test_what_the_dead_have_claimed_is_taken_over_at_once() -> None:
    known = Known(done_at=NOON - 24 * HOUR, attempts=(Attempt(NOON, 1, NOON, "abandoned"),))
    assert plan_start(HOURLY, known, NOON + MINUTE) == Start(NOON + MINUTE, NOON, 2)


def test_what_a_fast_clock_has_dated_later_than_now_was_not_done() -> None:
    known = Known(done_at=NOON + timedelta(days=1), since=NOON - timedelta(days=30))
    assert plan_start(HOURLY, known, NOON + MINUTE) == Start(NOON, NOON, 1)


def test_a_claim_from_the_future_holds_nobody_up() -> None:
    tomorrow = NOON + timedelta(days=1)
    known = Known(done_at=NOON - HOUR, attempts=(Attempt(NOON, 1, tomorrow, "claimed"),))
    assert plan_start(HOURLY, known, NOON + MINUTE) == Start(NOON + MINUTE, NOON, 2)


def test_a_delay_moves_the_start_and_not_what_it_is_the_start_of() -> None:
    job = backup_job("shop/main", delay=2 * MINUTE)
    assert plan_start(job, Known(done_at=NOON - HOUR), NOON + MINUTE) == Start(NOON + 2 * MINUTE, NOON, 1)
    assert plan_start(job, Known(done_at=NOON + 2 * MINUTE), NOON + 3 * MINUTE) == Start(
        NOON + HOUR + 2 * MINUTE, NOON + HOUR, 1
    )


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        ("2026-03-29", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),  # 02:30 does not exist
        ("2026-10-25", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),  # 02:30 comes twice
    ],
)
def test_a_job_at_half_past_two_runs_once_on_either_change_of_clocks(night: str, expected: list[str]) -> None:
    now = at(night) - timedelta(days=1)
    done: list[datetime] = []
    while len(done) < 3:
        start = plan_start(DAILY, Known(done_at=done[-1] if done else now, since=now), now)
        assert start
        now = max(start.at, now)
        done.append(now)
    assert done == [at(text) for text in expected]
