"""What is copied to a replica, against the words of the rule read one object at a time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from drkit.catalog import make_id
from drkit.model import Entry, Point
from drkit.replicate import CopyPlan, catch_up, find_held_back, plan_copy
from drkit.retention import Policy, judge

NOW = datetime(2026, 11, 20, tzinfo=UTC)
IDS = [make_id(NOW - timedelta(days=n), "0" * 8) for n in range(4)]
FILES = ("a.zst.age", "b.zst.age", "pin.json", "verified-x.json", "inner/stray", "manifest.json")
BACKUPS = [
    f"{source}/backups/{folder}/{file}"
    for source in ("shop/main", "shop/tree")
    for folder in (*IDS, "not-an-id")
    for file in FILES
]
OTHERS = [
    "shop/main/drills/x.json",
    "shop/main/log/1",
    "shop/main/zzz",
    "shop/reports/2026-11.json",
    "shop/main/backups/x",
]
LISTINGS = st.dictionaries(st.sampled_from(BACKUPS + OTHERS), st.sampled_from([1, 1, 1, 1, 2]), max_size=30)
Sizes = Mapping[str, int]


def listing(sizes: Sizes) -> list[Entry]:
    return [Entry(key, size, NOW) for key, size in sorted(sizes.items())]


def folder_of(key: str) -> str | None:
    """With its source, if the key lies below `backups/`."""
    parts = key.split("/")
    return "/".join(parts[:4]) if parts[2:3] == ["backups"] else None


def differs(key: str, here: Sizes, there: Sizes) -> bool:
    return not key.endswith("/pin.json") and key in here and key in there and here[key] != there[key]


def is_point(folder: str, sizes: Sizes) -> bool:
    return folder.split("/")[3] in IDS and f"{folder}/manifest.json" in sizes


def is_copied(key: str, here: Sizes, there: Sizes, held_back: set[str]) -> bool:
    if key in there:
        return False
    folder = folder_of(key)
    if folder is None:
        return True
    if not is_point(folder, here):
        return False
    mine = [each for each in here if each.startswith(f"{folder}/")]
    lacks_piece = any(each.endswith(".zst.age") and each not in there for each in mine)
    if is_point(folder, there) and not lacks_piece:
        return True  # a mark, a pin: they come and go beside what is complete
    unfit = any(differs(each, here, there) for each in mine)
    return not unfit and (is_point(folder, there) or folder.split("/")[3] not in held_back)


def keys_of(plan: CopyPlan) -> list[str]:
    return [entry.key for entry in plan.entries]


@given(LISTINGS, LISTINGS, st.sets(st.sampled_from(IDS)))
def test_what_is_copied_is_what_the_words_of_the_rule_say(here: Sizes, there: Sizes, held_back: set[str]) -> None:
    plan = plan_copy(listing(here), listing(there), held_back)
    assert sorted(keys_of(plan)) == sorted(key for key in here if is_copied(key, here, there, held_back))
    assert plan.bytes == sum(here[key] for key in keys_of(plan))
    told = [key for key in here if differs(key, here, there)]
    assert sorted(plan.differing) == [
        key for key in sorted(told) if (folder := folder_of(key)) is None or is_point(folder, here)
    ]


@given(LISTINGS, LISTINGS)
def test_wherever_a_copy_stops_no_manifest_is_there_before_all_that_lies_beside_it(here: Sizes, there: Sizes) -> None:
    arrived = set(there)
    for key in keys_of(plan_copy(listing(here), listing(there))):
        assert key not in arrived
        arrived.add(key)
        if key.endswith("/manifest.json") and is_point(key.removesuffix("/manifest.json"), here):
            folder = key.removesuffix("manifest.json")
            assert {each for each in here if each.startswith(folder)} <= arrived


@given(LISTINGS, LISTINGS)
def test_a_second_run_goes_on_where_the_first_one_stopped_and_copies_nothing_twice(here: Sizes, there: Sizes) -> None:
    whole = keys_of(plan_copy(listing(here), listing(there)))
    for stopped in range(len(whole) + 1):
        reached = dict(there) | {key: here[key] for key in whole[:stopped]}
        assert sorted(keys_of(plan_copy(listing(here), listing(reached)))) == sorted(whole[stopped:])


@given(LISTINGS, LISTINGS)
def test_backups_come_newest_first_and_after_all_that_is_none(here: Sizes, there: Sizes) -> None:
    plan = plan_copy(listing(here), listing(there))
    order = [backup.id for backup in plan.backups]
    assert order == sorted(order, reverse=True)
    assert keys_of(plan)[: len(plan.others)] == [entry.key for entry in plan.others]


POINTS = st.sets(st.integers(0, 40), max_size=12)


def points(days: set[int]) -> list[Point]:
    moments = [NOW - timedelta(days=day) for day in sorted(days, reverse=True)]
    return [Point("shop/main", make_id(at, "0" * 8), at, 1, committed_at=at) for at in moments]


@given(POINTS, POINTS, st.integers(1, 3))
def test_only_what_retention_would_remove_at_once_is_held_back(here: set[int], there: set[int], last: int) -> None:
    policy = Policy(last=last, min_points=0)
    held = find_held_back(policy, points(here), points(there), ZoneInfo("UTC"), NOW)
    kept = {each.point.id for each in judge(policy, points(here | there), ZoneInfo("UTC"), NOW) if each.reasons}
    newest = max((point.id for point in points(there)), default="")
    for point in points(here | there):
        assert (point.id in held) == (point.id not in kept and point.id < newest)


@given(POINTS, POINTS)
def test_a_backup_catches_up_what_is_newer_than_the_newest_there_and_always_itself(
    here: set[int], there: set[int]
) -> None:
    ours, theirs = points(here | {0}), points(there - {0})
    sizes = {f"shop/main/backups/{point.id}/manifest.json": 1 for point in ours}
    held = {f"shop/main/backups/{point.id}/manifest.json": 1 for point in theirs}
    plan = catch_up(plan_copy(listing(sizes), listing(held)), theirs, ours[-1].id)
    newest = max((point.id for point in theirs), default=None)
    expected = [point.id for point in ours if point is ours[-1] or (newest is not None and point.id > newest)]
    assert [backup.id for backup in plan.backups] == expected[::-1]
