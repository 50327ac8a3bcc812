"""Log that is passed on to a replica: what of it, in which order, and what happens when that fails."""

from datetime import UTC, datetime, timedelta

from drkit import catalog
from drkit.catalog import Span
from drkit.errors import StoreUnavailable
from drkit.follow.relay import Relay
from drkit.ports import Store
from drkit.replicate.log import LogPassage, plan_log_copy
from drkit.stores.memory import MemoryStore
from patience import await_true

SOURCE = "shop/main"
AT = datetime(2026, 11, 20, tzinfo=UTC)
UNIT = 1 << 24


def span(start: int, end: int, minute: int = 0, timeline: int = 1) -> Span:
    return Span("7", timeline, start, end, AT + timedelta(minutes=minute))


def store_with(*spans: Span) -> MemoryStore:
    store = MemoryStore()
    for each in spans:
        put(store, each)
    return store


def put(store: Store, each: Span) -> None:
    store.put(catalog.span_key(SOURCE, each), iter([repr(each).encode()]))


def spans_of(store: Store) -> list[Span]:
    return list(catalog.survey_log(store, SOURCE).spans)


def test_histories_come_first_then_the_log_from_its_beginning_and_nothing_that_was_merged() -> None:
    small, whole, later = span(0, 100), span(0, UNIT, 1), span(UNIT, UNIT + 5, 2)
    here = store_with(later, small, whole)
    history = catalog.history_key(SOURCE, "7", 2)
    here.put(history, iter([b""]))
    log = catalog.survey_log(here, SOURCE)
    there = catalog.survey_log(MemoryStore(), SOURCE)
    assert plan_log_copy(log, there) == [history, *(catalog.span_key(SOURCE, each) for each in (whole, later))]
    assert plan_log_copy(log, log) == []


def test_what_is_merged_before_its_turn_comes_is_not_copied_and_the_whole_is() -> None:
    before, small, whole = span(0, UNIT), span(UNIT, UNIT + 100), span(UNIT, 2 * UNIT, 1)
    here, there = store_with(before), MemoryStore()
    relay = Relay("r", LogPassage(SOURCE, lambda: (here, there)), timedelta(hours=1))
    relay.begin()
    await_true(lambda: relay.covered_until)
    for each in (small, whole):
        put(here, each)
        relay.tell(each)
    relay.end()
    relay.join()
    assert spans_of(there) == [before, whole]
    assert relay.covered_until == whole.covered_until


def test_a_failure_whatever_it_is_is_told_and_all_that_came_meanwhile_is_copied_after_it() -> None:
    here, there = store_with(span(0, 10)), MemoryStore()
    failures = [StoreUnavailable("it is away"), ZeroDivisionError()]

    def places() -> tuple[Store, Store]:
        if failures:
            raise failures[0]
        return here, there

    relay = Relay("r", LogPassage(SOURCE, places), timedelta(seconds=0.01))
    relay.begin()
    await_true(lambda: relay.failing is not None and "it is away" in str(relay.failing))
    del failures[0]
    await_true(lambda: relay.failing is not None and "ZeroDivisionError" in str(relay.failing))
    assert relay.covered_until is None
    put(here, span(10, 20, 1))
    relay.tell(span(10, 20, 1))
    failures.clear()
    await_true(lambda: relay.covered_until)
    assert relay.failing is None
    assert spans_of(there) == spans_of(here)
    relay.end()
    relay.join()


def test_what_is_new_does_not_wait_for_all_that_is_old() -> None:
    old = [span(n * UNIT, (n + 1) * UNIT, n) for n in range(200)]
    fresh = span(200 * UNIT, 200 * UNIT + 5, 200)
    here, there = store_with(*old), MemoryStore()
    left: list[int] = []

    def places() -> tuple[Store, Store]:
        """The first question is for a comparison; after it something new comes in, and is looked for ever after."""
        if not spans_of(there) and fresh not in spans_of(here) and left == [1]:
            put(here, fresh)
            relay.tell(fresh)
        if fresh in spans_of(there):
            left.append(len(spans_of(here)) - len(spans_of(there)))
        elif not left:
            left.append(1)
        return here, there

    relay = Relay("r", LogPassage(SOURCE, places), timedelta(seconds=0.01))
    relay.begin()
    await_true(lambda: relay.covered_until)
    relay.end()
    relay.join()
    assert left[1] > 0
    assert spans_of(there) == spans_of(here)
