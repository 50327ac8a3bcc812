"""Records of runs: how they are named, what a listing of them tells, and which can go."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from drkit.catalog.runs import RunKey, claim_key, parse_run_key, runs_of
from drkit.errors import CaptureError
from drkit.runs import KEPT, Claim, Journal, Record, claim, outdated, read_claimer, read_failure, read_records
from drkit.stores.memory import MemoryStore

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TOKENS = iter(f"{number:08x}" for number in range(10_000))


def journal(store: MemoryStore, job: str = "backup", subject: str = "main") -> Journal:
    return Journal(lambda: store, "shop", job, subject, next(TOKENS), "a test")


def records(store: MemoryStore) -> dict[tuple[str, str], Record]:
    return read_records(store.list(runs_of("shop")))


def names(store: MemoryStore) -> Iterator[str]:
    return (entry.key.rpartition(".")[0].rpartition(".")[2] for entry in store.list())


@pytest.mark.parametrize("key", ["begun-1", "done-12", "failed-3"])
def test_a_key_is_read_as_it_was_spelled(key: str) -> None:
    text = f"shop/runs/backup/main/20261120T120000.000000Z-00000000.{key}.json"
    parsed = parse_run_key(text)
    assert parsed and str(parsed) == text and parsed.moment == NOON


@pytest.mark.parametrize(
    "key",
    [
        "shop/runs/backup/main/20261120T120000.000000Z-00000000.lost-1.json",
        "shop/runs/backup/main/20261399T120000.000000Z-00000000.done-1.json",
        "shop/runs/backup/20261120T120000.000000Z-00000000.done-1.json",
        "shop/main/backups/20261120T120000.000000Z-00000000/manifest.json",
    ],
)
def test_what_is_no_record_is_passed_over(key: str) -> None:
    assert parse_run_key(key) is None


def test_a_slot_is_claimed_once_and_says_by_whom() -> None:
    store = MemoryStore()
    key = claim_key("shop", "backup", "main", NOON, 1)
    assert claim(store, key, "here/1/2", NOON)
    assert not claim(store, key, "there/1/2", NOON)
    assert read_claimer(store, key) == "here/1/2"
    [found] = records(store)[("backup", "main")].claims
    assert (found.slot, found.attempt) == (NOON, 1)


def test_another_attempt_is_another_claim() -> None:
    store = MemoryStore()
    assert claim(store, claim_key("shop", "backup", "main", NOON, 1), "here", NOON)
    assert claim(store, claim_key("shop", "backup", "main", NOON, 2), "there", NOON)


def test_failures_are_counted_from_the_first_on_and_the_newest_is_told() -> None:
    store = MemoryStore()
    for day in range(3):
        error = CaptureError(f"reason {day}", "a hint")
        journal(store).failed(NOON + day * DAY, NOON + day * DAY, error, str(error))
    record = records(store)[("backup", "main")]
    assert (record.failures, record.failed_at, record.failing) == (3, NOON + 2 * DAY, True)
    failure = read_failure(store, record.last_failure)
    assert (failure.error, failure.hint, failure.exit_code, failure.correlation_id) == (
        "reason 2",
        "a hint",
        4,
        "a test",
    )


def test_a_good_end_after_a_failure_means_that_it_fails_no_more() -> None:
    store = MemoryStore()
    journal(store, "prune", "_").failed(NOON, NOON, CaptureError("x"), "x")
    journal(store, "prune", "_").done(NOON + DAY)
    record = records(store)[("prune", "_")]
    assert (record.done_at, record.failing, record.failures) == (NOON + DAY, False, 1)


def test_tidying_keeps_the_count_of_failures_for_ever() -> None:
    store = MemoryStore()
    for day in range(4):
        journal(store).failed(NOON + day * DAY, NOON, CaptureError("x"), "x")
    claim(store, claim_key("shop", "backup", "main", NOON, 1), "here", NOON)
    journal(store).tidy(NOON + 4 * DAY + KEPT)
    assert list(names(store)) == ["failed-4"]
    assert records(store)[("backup", "main")].failures == 4
    journal(store).failed(NOON + 90 * DAY, NOON, CaptureError("x"), "x")
    assert records(store)[("backup", "main")].failures == 5


def test_what_is_younger_than_a_day_is_left_where_it_is() -> None:
    store = MemoryStore()
    claim(store, claim_key("shop", "prune", "_", NOON, 1), "here", NOON)
    journal(store, "prune", "_").done(NOON)
    journal(store, "prune", "_").done(NOON + timedelta(hours=1))
    journal(store, "prune", "_").tidy(NOON + timedelta(hours=1))
    assert sorted(names(store)) == ["begun-1", "done-1", "done-2"]


def test_a_long_error_is_cut() -> None:
    store = MemoryStore()
    journal(store).failed(NOON, NOON, CaptureError("x"), "x" * 10_000)
    [entry] = store.list()
    assert entry.size < 3000


def test_a_record_that_cannot_be_read_is_a_failure_all_the_same() -> None:
    store = MemoryStore()
    key = str(RunKey("shop", "backup", "main", "20261120T120000.000000Z-0000000a", "failed", 1))
    store.put(key, iter([b"{"]))
    assert "cannot be read" in read_failure(store, records(store)[("backup", "main")].last_failure).error


def test_claims_come_in_the_order_of_their_slots_and_attempts() -> None:
    store = MemoryStore()
    for slot, attempt in [(NOON + DAY, 1), (NOON, 2), (NOON, 1)]:
        claim(store, claim_key("shop", "backup", "main", slot, attempt), "here", NOON)
    found: tuple[Claim, ...] = records(store)[("backup", "main")].claims
    assert [(each.slot, each.attempt) for each in found] == [(NOON, 1), (NOON, 2), (NOON + DAY, 1)]


def test_nothing_is_outdated_where_there_is_nothing() -> None:
    assert outdated([], NOON) == []
