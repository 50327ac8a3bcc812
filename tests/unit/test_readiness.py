"""What keeps the daemon from saying that all is well, and what does not."""

from dataclasses import replace
from datetime import timedelta

from drkit.bulletin import Bulletin, Job
from drkit.daemon.model import State
from drkit.daemon.readiness import find_alarms, names_of, readiness
from drkit.daemon.troubles import complete
from drkit.troubles import Trouble
from status_states import (
    HOUR,
    MINUTE,
    NOW,
    all_broken,
    by_name,
    first_start,
    healthy,
    make_ended,
    make_source,
    make_unwell,
    troubled,
    unreachable,
)


def kinds(state: State, now=NOW) -> list[tuple[str, str]]:
    return [(alarm.subject, alarm.trouble.kind) for alarm in find_alarms(complete(state), now)]


def with_source(**changes) -> State:
    return replace(healthy(), bulletin=Bulletin((replace(make_source("shop/main"), **changes),)), last={})


def test_when_all_is_well_there_is_no_reason() -> None:
    assert readiness(healthy(), NOW) == ()


def test_each_trouble_of_a_source_is_a_reason_of_one_line() -> None:
    reasons = readiness(troubled(), NOW)
    assert len(reasons) == 6
    assert all("\n" not in reason for reason in reasons)
    assert reasons[0] == (
        'shop/orders: backup failed: the last backup failed: connection to server at "db.internal", port 5432 failed:'
        " Connection refused, since 2026-11-21T14:06:12Z; next: `drkit check shop/orders`"
    )


def test_an_error_of_many_lines_makes_one() -> None:
    state = replace(healthy(), config_error="first\nsecond\n  third")
    assert readiness(complete(state), NOW)[0].count("\n") == 0
    assert "first second third" in readiness(complete(state), NOW)[0]


def test_schedules_that_cannot_be_loaded_are_a_reason() -> None:
    assert kinds(all_broken())[0] == ("configuration", "config")


def test_before_the_first_look_nothing_is_ready() -> None:
    assert kinds(first_start()) == [("daemon", "not looked")]


def test_a_look_counts_until_two_more_should_have_followed() -> None:
    looked = replace(healthy(), looked_at=NOW, look_every=10 * MINUTE, bulletin=Bulletin(), last={})
    assert kinds(looked, NOW + 22 * MINUTE) == []
    assert kinds(looked, NOW + 22 * MINUTE + timedelta(seconds=1)) == [("daemon", "not looked")]


def test_what_cannot_be_looked_at_is_a_reason_each() -> None:
    assert kinds(unreachable()) == [(f"shop/{name}", "store") for name in ("orders", "ledger", "uploads")]


def test_a_source_that_was_well_turns_red_by_itself() -> None:
    at = NOW + MINUTE
    state = replace(with_source(red_at=at, backup_late_at=at), looked_at=at)
    assert kinds(state, at) == []
    assert kinds(state, at + timedelta(seconds=1)) == [("shop/main", "overdue")]


def test_if_it_is_the_rpo_that_broke_since_it_says_so() -> None:
    state = replace(with_source(red_at=NOW + 96 * MINUTE), looked_at=NOW + 97 * MINUTE)
    [alarm] = find_alarms(state, NOW + 97 * MINUTE)
    assert alarm.trouble.kind == "rpo"
    assert alarm.trouble.since == NOW + 96 * MINUTE
    assert "2h1m, and 2h was promised" in alarm.trouble.what


def test_if_it_is_a_drill_that_did_not_come_it_says_so() -> None:
    state = replace(with_source(red_at=NOW, verify_late_at=NOW), looked_at=NOW)
    assert kinds(state, NOW + MINUTE) == [("shop/main", "drill overdue")]


def test_a_source_that_is_red_for_reasons_unknown_is_red_all_the_same() -> None:
    state = replace(with_source(red_at=NOW), looked_at=NOW)
    assert kinds(state, NOW + MINUTE) == [("shop/main", "overdue")]


def test_what_the_daemon_itself_knows_is_a_reason() -> None:
    hangs = Trouble("hangs", "backup hangs", NOW, "look")
    [alarm] = find_alarms(replace(healthy(), troubles={"shop/orders": (hangs,)}), NOW)
    assert (alarm.subject, alarm.trouble) == ("shop/orders", hangs)


def test_the_same_trouble_is_told_once() -> None:
    late = Trouble("overdue", "a backup is overdue", NOW, "look")
    state = with_source(healthy=False, troubles=(late,))
    [alarm] = find_alarms(replace(state, troubles={"shop/main": (replace(late, what="late"),)}), NOW)
    assert alarm.trouble == late


def test_a_job_that_failed_is_a_reason_until_a_look_tells_of_it() -> None:
    failed = by_name(make_ended("backup", "shop/main", MINUTE, "no route", exit_code=4))
    state = replace(with_source(), last=failed)
    [alarm] = find_alarms(complete(state), NOW)
    assert (alarm.subject, alarm.trouble.kind) == ("shop/main", "backup failed")
    assert "no route" in alarm.trouble.what
    told = make_unwell(make_source("shop/main"), Trouble("backup failed", "the store knows", NOW, "look"))
    assert kinds(replace(state, bulletin=Bulletin((told,)))) == [("shop/main", "backup failed")]
    missed = make_unwell(make_source("shop/main"), Trouble("rto", "RTO missed", NOW, "look"))
    drill = by_name(make_ended("verify", "shop/main", MINUTE, "RTO missed", exit_code=8))
    assert kinds(replace(state, last=drill, bulletin=Bulletin((missed,)))) == [("shop/main", "rto")]


def test_a_job_that_somebody_else_has_done_since_is_none() -> None:
    failed = by_name(make_ended("backup", "shop/main", MINUTE, "no route", exit_code=4))
    done = with_source(jobs=(Job("backup", done_at=NOW),))
    assert kinds(replace(done, last=failed)) == []
    before = with_source(jobs=(Job("backup", done_at=NOW - HOUR),))
    assert kinds(replace(before, last=failed)) == [("shop/main", "backup failed")]


def test_a_job_that_took_too_long_says_so() -> None:
    ended = replace(make_ended("prune", "shop", MINUTE, exit_code=-9), timed_out=True)
    [reason] = readiness(complete(replace(healthy(), last=by_name(ended))), NOW)
    assert reason.startswith("shop: prune failed: the last prune failed: took longer than it may")


def test_sources_that_are_only_planned_are_known_of() -> None:
    assert names_of(first_start()) == names_of(healthy()) == names_of(unreachable())
    assert len(names_of(healthy())) == 6
