"""What the farthest moment of the windows would take, and what is said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from drills import AT, drill_at
from drkit.cli.console import Console
from drkit.cli.verify_text import describe_drill, summarize
from drkit.restore.hauls import Haul
from drkit.restore.plan import Window
from drkit.standing import FailedRun, Standing, with_log
from drkit.troubles import find_notes, find_troubles
from drkit.verify.model import Drill, Worst
from drkit.verify.verdicts import judge_rto
from drkit.verify.worst import foresee_worst, misses
from unit.test_standing import FRESH, stand

MINUTE = timedelta(minutes=1)
MIB = 1 << 20
DRILL = drill_at(backup="a", log_bytes=100 * MIB)  # ten minutes: one of replay, eight that grow with the backup


def haul(backup: str = "a", stored: int = 1_000_000, log: int = 100 * MIB) -> Haul:
    return Haul(AT, backup, stored, log)


def foresee(*hauls: Haul, drills: tuple[Drill, ...] = (DRILL,), target: timedelta | None = None) -> timedelta | None:
    found = foresee_worst(drills, hauls, target)
    assert found
    return found.expected


def test_the_moment_that_was_drilled_takes_what_it_took() -> None:
    assert foresee(haul()) == 10 * MINUTE


def test_replay_takes_in_proportion_to_the_log_and_loading_to_the_backups() -> None:
    assert foresee(haul(log=500 * MIB)) == 14 * MINUTE
    assert foresee(haul(), haul("b", stored=2_000_000)) == 18 * MINUTE
    assert foresee(haul(), haul("b", stored=2_000_000, log=200 * MIB)) == 19 * MINUTE


def test_a_chain_of_incrementals_is_compared_with_the_chain_that_was_drilled() -> None:
    assert foresee(haul(stored=4_000_000), haul("b", stored=8_000_000)) == 18 * MINUTE
    assert foresee(haul("b", stored=2_000_000)) == 18 * MINUTE  # what was drilled is gone: its evidence tells its size


def test_the_drill_that_replayed_most_tells_and_the_worst_scenario_counts() -> None:
    longer = drill_at(AT - MINUTE, backup="a", log_bytes=400 * MIB)
    assert foresee(haul(log=400 * MIB), drills=(DRILL, longer)) == 10 * MINUTE
    afar = replace(DRILL, scenario="region-failure", rto=judge_rto(None, 20 * MINUTE))
    assert foresee(haul(), drills=(DRILL, afar)) == 20 * MINUTE


def test_what_is_too_far_from_what_was_drilled_is_not_known_unless_another_surely_misses() -> None:
    assert foresee(haul(log=20 << 30)) is None
    known = haul("b", log=9000 * MIB)
    assert foresee(haul(log=20 << 30), known) is None
    assert foresee(haul(log=20 << 30), known, target=15 * MINUTE) == 99 * MINUTE


@pytest.mark.parametrize(
    "drill",
    [drill_at(), replace(DRILL, rto=judge_rto(None, None)), replace(DRILL, log_bytes=0)],
    ids=["of a dump", "that measured nothing", "without log"],
)
def test_a_drill_that_replayed_nothing_or_measured_nothing_tells_nothing(drill: Drill) -> None:
    assert foresee_worst([drill], [haul()], None) is None
    assert foresee_worst([DRILL], [], None) is None


def standing(worst: Worst | None = None, alarm: FailedRun | None = None) -> Standing:
    at = FRESH.consistent_at
    seen = stand(FRESH, drills=(drill_at(at, ended_at=at + 10 * MINUTE, stored_bytes=FRESH.stored_bytes),))
    assert seen.rto.met
    return with_log(seen, [Window("shop/main", at - MINUTE, at)], [], at + MINUTE, worst, alarm)


def worst_of(expected: timedelta | None) -> Worst:
    return Worst(AT, "a", 3_000_000_000, expected)


def test_a_source_whose_farthest_moment_would_take_too_long_is_red_though_the_drill_kept_the_promise() -> None:
    seen = standing(worst_of(16 * MINUTE))
    [trouble] = find_troubles(seen)
    assert not seen.healthy
    assert "at worst" in trouble.what
    assert "3,000 MB of log" in trouble.what
    assert "16m" in trouble.what
    assert "--at 2020-11-20T14:30:00Z" in trouble.next_step
    assert misses(worst_of(16 * MINUTE), 15 * MINUTE)


def test_a_farthest_moment_that_keeps_the_promise_is_silent_and_one_that_nobody_knows_is_noted() -> None:
    for seen, notes in ((standing(worst_of(15 * MINUTE)), 0), (standing(worst_of(None)), 1), (standing(), 0)):
        assert seen.healthy
        assert not list(find_troubles(seen))
        assert len([note for note in find_notes(seen) if "RTO at worst" in note]) == notes


def test_what_a_follower_gives_alarm_of_is_red_with_its_words_and_its_hint() -> None:
    seen = standing(alarm=FailedRun(AT, "the server gives up its log after 7 MB more", "raise it"))
    [trouble] = find_troubles(seen)
    assert not seen.healthy
    assert (trouble.kind, trouble.since, trouble.next_step) == ("follower", AT, "raise it")
    assert "after 7 MB more" in trouble.what


@pytest.mark.parametrize(
    ("worst", "told"),
    [
        (worst_of(16 * MINUTE), "16m by this pace, for 2020-11-20T14:30:00Z, 3.0 GB of log from its base: MISSED"),
        (worst_of(15 * MINUTE), "15m by this pace, for 2020-11-20T14:30:00Z, 3.0 GB of log from its base"),
        (worst_of(None), "not known: no drill has replayed enough log, for 2020-11-20T14:30:00Z, 3.0 GB of log"),
    ],
)
def test_what_a_drill_means_for_the_farthest_moment_is_told_beside_what_it_took(worst: Worst, told: str) -> None:
    drill = replace(DRILL, worst=worst)
    lines = summarize(Console(), drill, None)
    assert lines[1].startswith("  RTO 10m")
    assert told in lines[2]
    assert lines[2].endswith("MISSED") is told.endswith("MISSED")
    assert describe_drill(drill, None)["rto_at_worst"]["backup"] == "a"
    assert "rto_at_worst" not in describe_drill(drill_at(), None)
