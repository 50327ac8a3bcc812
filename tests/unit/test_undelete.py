"""What comes back, decided over versions that are known to the byte."""

from collections.abc import Callable, Set
from dataclasses import replace
from datetime import timedelta

import pytest

from drkit.catalog import make_id, manifest_key, read_listing
from drkit.catalog.lasting import lasts
from drkit.model import Entry, Lock, Manifest, Piece, Point, Version
from drkit.prune.extension import find_due
from drkit.prune.holdings import hold
from drkit.undelete.plan import UndeletePlan, plan_undelete
from manifests import AT, manifest_of

MADE = manifest_of()
[ONE, TWO] = MADE.pieces
KEY = manifest_key(MADE.source, MADE.id)


def version(key: str, name: str, age: int, size: int = 5, *, current: bool = False, marker: bool = False) -> Version:
    """`name` tells its bytes apart; the higher the `age`, the older."""
    return Version(key, f"{key}-{name}-{age}", size, AT - timedelta(minutes=age), current, marker, name)


def whole() -> dict[str, tuple[Version, ...]]:
    return {
        KEY: (version(KEY, "good", 9, current=True),),
        ONE.key: (version(ONE.key, "good", 10, ONE.sealed.size, current=True),),
        TWO.key: (version(TWO.key, "good", 10, TWO.sealed.size, current=True),),
    }


def good(_key: str) -> Callable[[Version], bool]:
    return lambda each: each.tag == "good"


def is_piece(_piece: Piece) -> Callable[[Version], bool]:
    return lambda each: each.tag == "good"


def plan(versions: dict[str, tuple[Version, ...]], removed: Set[str] = frozenset()) -> UndeletePlan:
    manifests: dict[str, tuple[Manifest, Version]] = {}
    for each in versions.get(KEY, ()):
        if each.tag == "good":
            manifests[MADE.id] = MADE, each
    return plan_undelete(MADE.source, versions, manifests, removed, good, is_piece)


def under(found: tuple[Version, ...], *above: Version) -> tuple[Version, ...]:
    [first] = found
    return (*above, version(first.key, first.tag, 10, first.size))


def test_where_nobody_has_done_anything_nothing_comes_back() -> None:
    assert plan(whole()) == UndeletePlan(MADE.source)


@pytest.mark.parametrize("key", [KEY, ONE.key, TWO.key])
def test_what_a_marker_hides_comes_back_by_removing_it(key: str) -> None:
    marker = version(key, "", 1, 0, current=True, marker=True)
    made = plan(whole() | {key: under(whole()[key], marker)})
    [found] = made.recoveries
    assert (found.version.tag, found.markers, made.points) == ("good", (marker,), (MADE.id,))


@pytest.mark.parametrize("key", [KEY, ONE.key])
def test_what_was_put_over_it_stays_and_a_copy_goes_on_top(key: str) -> None:
    size = whole()[key][0].size
    made = plan(whole() | {key: under(whole()[key], version(key, "bad", 1, size, current=True))})
    [found] = made.recoveries
    assert (found.version.tag, found.markers, made.points) == ("good", (), (MADE.id,))


def test_what_was_put_over_it_and_hidden_again_comes_back_by_a_copy() -> None:
    marker, bad = version(KEY, "", 1, 0, current=True, marker=True), version(KEY, "bad", 2)
    [found] = plan(whole() | {KEY: under(whole()[KEY], marker, bad)}).recoveries
    assert (found.version.tag, found.markers) == ("good", ())


def test_the_same_bytes_put_twice_need_nothing() -> None:
    again = version(KEY, "good", 1, current=True)
    assert plan(whole() | {KEY: under(whole()[KEY], again)}).recoveries == ()


def test_manifests_come_back_last() -> None:
    hidden = {key: under(found, version(key, "", 1, 0, current=True, marker=True)) for key, found in whole().items()}
    made = plan(hidden)
    assert [each.version.key for each in made.recoveries] == [ONE.key, TWO.key, KEY]


def test_what_two_points_share_comes_back_once() -> None:
    other = replace(MADE, id=make_id(AT, "1" * 8))
    key = manifest_key(other.source, other.id)
    marker = version(ONE.key, "", 1, 0, current=True, marker=True)
    versions = whole() | {ONE.key: under(whole()[ONE.key], marker), key: (version(key, "good", 9, current=True),)}
    manifests = {each.id: (each, versions[manifest_key(each.source, each.id)][0]) for each in (MADE, other)}
    made = plan_undelete(MADE.source, versions, manifests, frozenset(), good, is_piece)
    assert [each.version.key for each in made.recoveries] == [ONE.key]
    assert made.points == (MADE.id, other.id)


def test_what_a_record_says_was_removed_is_left_alone_and_named() -> None:
    marker = version(KEY, "", 1, 0, current=True, marker=True)
    made = plan(whole() | {KEY: under(whole()[KEY], marker)}, {MADE.id})
    assert (made.recoveries, made.pruned) == ((), (MADE.id,))


def test_a_piece_of_which_no_version_fits_is_lost() -> None:
    made = plan(whole() | {ONE.key: (version(ONE.key, "bad", 1, 3, current=True),)})
    assert (made.recoveries, made.lost) == ((), (ONE.key,))


def test_a_pin_that_is_gone_was_taken_back() -> None:
    key = KEY.replace("manifest", "pin")
    found = (version(key, "", 1, 0, current=True, marker=True), version(key, "good", 9))
    assert plan(whole() | {key: found}).recoveries == ()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_hidden_manifest_makes_no_orphans_unless_a_record_says_that_it_was_removed(recorded: bool) -> None:
    listing = read_listing(MADE.source, [Entry(piece.key, 1, AT) for piece in MADE.pieces])
    marker = version(KEY, "", 1, 0, current=True, marker=True)
    versions = whole() | {KEY: under(whole()[KEY], marker)}
    held = hold(listing, versions, {MADE.id} if recorded else set(), AT)
    assert held.hidden == (() if recorded else (MADE.id,))
    assert held.protected(listing) == (set() if recorded else {ONE.key, TWO.key})
    assert {each.key for each in held.leftovers} == ({KEY} if recorded else set())
    assert held.sparing({KEY}).leftovers == ()


def test_a_lock_is_due_once_less_than_a_third_of_it_is_left_or_there_is_none() -> None:
    points = [Point("shop/main", name, AT, 1) for name in ("11", "10", "9", "none")]
    ends = {name: AT + timedelta(days=int(name)) for name in ("11", "10", "9")}
    assert [point.id for point in find_due(points, ends, Lock("governance", 30), AT)] == ["none", "9"]


@pytest.mark.parametrize(
    ("key", "lasting"),
    [
        (KEY, True),
        (ONE.key, True),
        ("shop/main/drills/20261127T000000.000000Z-aaaaaaaa.json", True),
        ("shop/main/removals/20261127T000000.000000Z-aaaaaaaa.json", True),
        ("shop/main/log/1/anything.zst.age", True),
        ("shop/reports/2026-11.html", True),
        (KEY.replace("manifest", "pin"), False),
        (KEY.replace("manifest", "verified-20261127T000000.000000Z-aaaaaaaa"), False),
        ("shop/runs/backup/main/20261127T000000.000000Z-aaaaaaaa.begun-1.json", False),
        ("shop/notices/00000001.told.json", False),
        (".drkit-check/token/one", False),
    ],
)
def test_what_a_restore_or_its_proof_needs_lasts(key: str, lasting: bool) -> None:
    assert lasts(key) == lasting
