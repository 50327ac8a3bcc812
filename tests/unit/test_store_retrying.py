from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.flaky import FlakyStore
from contract.store_contract import MIB, pattern
from drkit.errors import NotFound, StoreUnavailable
from drkit.stores.memory import MemoryStore
from drkit.stores.retrying import RetryingStore, RetryPolicy, delays, keep_trying

SWIFT = RetryPolicy(attempts=3, first_delay=timedelta(microseconds=1), longest_delay=timedelta(microseconds=1))


@given(st.integers(1, 50), st.integers(1, 10_000), st.integers(1, 60_000))
def test_delays_are_one_fewer_than_attempts_and_bounded(attempts: int, first: int, more: int) -> None:
    policy = RetryPolicy(attempts, timedelta(milliseconds=first), timedelta(milliseconds=first + more))
    waits = list(delays(policy))
    assert len(waits) == attempts - 1
    assert all(0 < wait <= (first + more) / 1000 for wait in waits)
    assert not waits or waits[0] <= first / 1000


def test_work_is_tried_as_often_as_the_policy_says_and_its_last_error_rises() -> None:
    tried = []

    def work() -> None:
        tried.append(1)
        raise StoreUnavailable(f"number {len(tried)}")

    with pytest.raises(StoreUnavailable, match="number 3"):
        keep_trying(work, SWIFT)
    assert len(tried) == 3


def test_an_error_that_will_not_pass_is_not_tried_again() -> None:
    tried = []

    def work() -> None:
        tried.append(1)
        raise NotFound("no")

    with pytest.raises(NotFound):
        keep_trying(work, SWIFT)
    assert len(tried) == 1


def test_a_put_is_never_tried_twice() -> None:
    class Refusing(MemoryStore):
        puts = 0

        def put(self, key, chunks) -> None:
            self.puts += 1
            raise StoreUnavailable("no")

    store = Refusing()
    with pytest.raises(StoreUnavailable):
        RetryingStore(store, SWIFT).put("k", iter([b"x"]))
    assert store.puts == 1


@pytest.mark.parametrize("failures", [3, 100])
def test_patience_ends_when_nothing_gets_further(failures: int) -> None:
    store = RetryingStore(FlakyStore(MemoryStore(), failures), SWIFT)
    with pytest.raises(StoreUnavailable):
        list(store.list())
    with pytest.raises(StoreUnavailable):
        store.delete(["a"])


def test_patience_starts_anew_with_each_step_forward() -> None:
    body = pattern(3 * MIB)
    inner = MemoryStore()
    inner.put("k", iter([body]))
    flaky = FlakyStore(inner, failures=30)
    assert b"".join(RetryingStore(flaky, SWIFT).get("k")) == body
    assert flaky.failed["get", "k"] == 30
