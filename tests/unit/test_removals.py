from datetime import datetime, timedelta

import pytest

from drkit import catalog
from drkit.model import Point
from drkit.ports import Store
from drkit.prune.removals import Removals, find_whole_since, read_removals, record_removals, spell_policy
from drkit.retention import Policy
from drkit.signing import new_signing_key, sign_document
from drkit.stores.memory import MemoryStore
from manifests import AT, KEY, SIGNERS, put

SOURCE = "shop/main"
DAY = timedelta(days=1)
WHY = spell_policy(Policy(within=7 * DAY, daily=30))


def point(day: int) -> Point:
    at = AT + day * DAY
    return Point(
        SOURCE,
        catalog.make_id(at, "7f3a9c01"),
        at,
        stored_bytes=1000 + day,
        verified_at=at + timedelta(hours=2) if day % 2 else None,
        committed_at=at + timedelta(minutes=5),
    )


def record(store: Store, *days: int, on: int, token: str = "00000001", key=KEY) -> str:
    now = AT + on * DAY
    record_removals([point(day) for day in days], [], SOURCE, store, WHY, key, SIGNERS, now, token, "a run")
    return catalog.removal_key(SOURCE, catalog.make_id(now, token))


def read(store: Store, since: datetime = AT) -> Removals:
    return read_removals(store, SOURCE, SIGNERS, since)


def test_a_record_tells_which_points_went_when_and_why() -> None:
    store = MemoryStore()
    record(store, 1, 2, on=40)
    [found] = read(store).records
    assert found.points == (point(1), point(2))
    assert (found.removed_at, found.correlation_id) == (AT + 40 * DAY, "a run")
    assert found.why == "no rule of keep names them: within 7d, daily 30, min_points 3"
    assert read(store, since=AT + 41 * DAY) == Removals((), (), None)


def test_the_newest_record_alone_tells_since_when_nothing_is_missing() -> None:
    """A policy that was stricter once removed what a later one would have kept."""
    store = MemoryStore()
    assert find_whole_since(store, SOURCE, SIGNERS) is None
    record(store, 3, 30, on=40)
    record(store, 5, on=41)
    assert find_whole_since(store, SOURCE, SIGNERS) == AT + 30 * DAY
    record(store, 35, on=42)
    assert find_whole_since(store, SOURCE, SIGNERS) == AT + 35 * DAY


def test_what_a_replica_removed_by_rules_of_its_own_is_not_hidden_by_a_later_record_of_the_store() -> None:
    store, away = MemoryStore(), [point(3), point(30)]
    record_removals(away, [], SOURCE, store, WHY, KEY, SIGNERS, AT + 40 * DAY, "00000001", "a run", replica=True)
    record(store, 5, on=41)
    assert [each.points for each in read(store).records] == [(point(5),)]
    assert find_whole_since(store, SOURCE, SIGNERS) == AT + 30 * DAY


def test_a_record_of_somebody_else_is_a_doubt_and_no_removal() -> None:
    store = MemoryStore()
    record(store, 1, on=40)
    forged = record(store, 2, on=41, key=new_signing_key())
    found = read(store)
    assert [each.points for each in found.records] == [(point(1),)]
    [doubt] = found.doubts
    assert (doubt.passed, forged in doubt.detail) == (False, True)
    assert found.unsure_since == AT + 41 * DAY
    assert find_whole_since(store, SOURCE, SIGNERS) == AT + 1 * DAY  # it excuses nothing


def test_a_record_that_was_moved_elsewhere_is_a_doubt() -> None:
    store = MemoryStore()
    content = b"".join(store.get(record(store, 1, on=40)))
    put(store, catalog.removal_key("shop/other", catalog.make_id(AT + 40 * DAY, "00000001")), content)
    assert read_removals(store, "shop/other", SIGNERS, AT).doubts


@pytest.mark.parametrize(
    ("member", "value"),
    [("drkit", 2), ("source", "shop/other"), ("removed_at", "yesterday"), ("points", [{"id": "x"}]), ("points", None)],
)
def test_a_signed_record_that_says_nonsense_is_a_doubt(member: str, value: object) -> None:
    store = MemoryStore()
    key = record(store, 1, on=40)
    document = {
        "drkit": 1,
        "id": catalog.make_id(AT + 40 * DAY, "00000001"),
        "source": SOURCE,
        "removed_at": "2020-12-30T14:30:00.123456Z",
        "why": WHY,
        "whole_since": "2020-11-21T14:30:00.123456Z",
        "correlation_id": "",
        "written_by": "",
        "points": [],
    }
    store.delete([key])
    put(store, key, sign_document(KEY, key, document))
    assert not read(store).doubts
    store.delete([key])
    put(store, key, sign_document(KEY, key, document | {member: value}))
    assert read(store).doubts
