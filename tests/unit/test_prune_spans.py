"""Which objects of a stored log go: what another one says as well, if that one is genuine, and what nobody needs."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from drkit import age, catalog
from drkit.catalog import Log, Span
from drkit.model import Entry, Version
from drkit.prune.holdings import Holdings
from drkit.prune.spans import LogShare, share_out
from drkit.sealing import Seal, saving
from drkit.signing import SigningKey, new_signing_key
from drkit.stores.memory import MemoryStore

SOURCE, UNIT = "shop/main", 1 << 24
AT = datetime(2026, 11, 20, tzinfo=UTC)
OURS = new_signing_key()


def span(start: int, end: int, minute: int = 0) -> Span:
    return Span("7", 1, start, end, AT + timedelta(minutes=minute))


def put(store: MemoryStore, each: Span, by: SigningKey = OURS) -> None:
    seal = Seal((age.new_identity().recipient(),), by)
    saving(store, catalog.timeline_folder(SOURCE, each.system, each.timeline), seal)(
        catalog.span_name(each), iter([b"some log"])
    )


def listed(*spans: Span, at: datetime = AT) -> Log:
    """The newest thing in the store is some hours younger than they are."""
    entries = [Entry(catalog.span_key(SOURCE, each), 1, at) for each in sorted(spans)]
    return catalog.read_log(SOURCE, [*entries, Entry(f"{SOURCE}/log/zzz", 1, at + timedelta(hours=5))])


def nothing(_spans: Sequence[Span]) -> Collection[Span]:
    return ()


def share(store: MemoryStore, log: Log, *going: Span) -> LogShare:
    held = Holdings(AT + timedelta(hours=9))
    return share_out(store, log, going, nothing, held, {OURS.signer()}, None)


def keys(found: Sequence[Entry]) -> list[str]:
    return [entry.key for entry in found]


def test_small_spans_go_once_a_signed_one_says_the_same_and_without_a_record() -> None:
    store, small, whole, next_one = MemoryStore(), span(0, 9), span(0, UNIT, 1), span(UNIT, UNIT + 9, 2)
    for each in (small, whole, next_one):
        put(store, each)
    found = share(store, listed(small, whole, next_one))
    assert keys(found.merged) == [catalog.span_key(SOURCE, small)]
    assert found.going == ()
    assert catalog.span_key(SOURCE, small) not in found.kept
    assert {catalog.span_key(SOURCE, each) for each in (whole, next_one)} <= set(found.kept)


def test_a_name_that_somebody_made_up_takes_nothing_away() -> None:
    store, small, forged = MemoryStore(), span(0, 9), span(0, UNIT * 900, 1)
    put(store, small)
    put(store, forged, new_signing_key())
    assert share(store, listed(small, forged)).merged == ()


def test_what_was_merged_only_now_stays_for_who_is_reading() -> None:
    store, small, whole = MemoryStore(), span(0, 9), span(0, UNIT, 1)
    for each in (small, whole):
        put(store, each)
    log = listed(small, whole, at=AT)
    fresh = Log(SOURCE, log.spans, log.histories, log.entries[:-1])
    assert share(store, fresh).merged == ()


def test_a_span_that_goes_explains_no_other_one() -> None:
    store, small, whole = MemoryStore(), span(0, 9), span(0, UNIT, 1)
    for each in (small, whole):
        put(store, each)
    found = share(store, listed(small, whole), whole)
    assert (keys(found.going), found.merged) == ([catalog.span_key(SOURCE, whole)], ())


def test_what_only_a_marker_hides_and_somebody_needs_stops_all_log_from_going() -> None:
    store, first, second = MemoryStore(), span(0, UNIT), span(UNIT, 2 * UNIT, 1)
    put(store, first)
    key = catalog.span_key(SOURCE, second)
    under = (Version(key, "2", 0, AT, True, marker=True), Version(key, "1", 5, AT, False))
    held = Holdings(AT + timedelta(hours=9), {key: under})

    def decide(unneeded: Collection[Span]) -> LogShare:
        return share_out(store, listed(first), {first}, lambda _: unneeded, held, {OURS.signer()}, None)

    needed = decide({first})
    assert (needed.going, needed.hidden, needed.leftovers) == ((), (key,), ())
    unneeded = decide({first, second})
    assert (len(unneeded.going), unneeded.hidden) == (1, ())
