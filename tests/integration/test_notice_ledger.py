"""What was told, in real stores: told once by two at once, and never lost by one who dies."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from drkit.errors import StoreError
from drkit.notify.changes import Seen, Told, ToldTrouble, Wrong
from drkit.notify.courier import Delivery
from drkit.notify.ledger import KEPT, PATIENCE, Ledger
from drkit.notify.message import Message
from drkit.notify.telling import Notice, preview, tell, tell_without_ledger
from drkit.ports import Chunks, Store
from drkit.stores import open_store
from drkit.stores.local import LocalStore
from drkit.stores.memory import MemoryStore
from drkit.troubles import Trouble
from servers.s3_server import S3Server

OVERDUE = Wrong("shop/main", Trouble("overdue", "a backup is overdue", None, "make one"))
BOTH = frozenset({"shop", "shop/main"})
WELL = [Delivery("env:A", True)]
DEAF = [Delivery("env:A", False, "the answer was 500")]
HALF = [*DEAF, Delivery("env:B", True)]


def now() -> datetime:
    return datetime.now(UTC)


def seen(*wrong: Wrong, report: str | None = None) -> Seen:
    return Seen("shop", wrong, BOTH, BOTH, report)


def keys(store: Store) -> list[str]:
    return [entry.key.removeprefix("shop/notices/") for entry in store.list("shop/notices/")]


class Notifier:
    def __init__(self, store: Store, answers: list[Delivery] = WELL) -> None:
        self.ledger = Ledger(store, "shop", "a test")
        self.answers = answers
        self.said: list[str] = []

    def __call__(self, *wrong: Wrong, at: datetime | None = None, report: str | None = None) -> Notice:
        moment = at or now()
        state = self.ledger.read(moment)
        return tell(self.ledger, state, seen(*wrong, report=report), self.send, lambda: moment, self.wait)

    def wait(self) -> None:
        """Nobody who is waited for is ever heard of in these tests, unless one says so."""

    def send(self, message: Message) -> list[Delivery]:
        self.said.append(message.title)
        return self.answers


@pytest.fixture(params=["a folder", "S3", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "S3":
        moto: S3Server = request.getfixturevalue("moto_url")
        place: Callable[[S3Server], str] = request.getfixturevalue("place")
        yield open_store(place(moto))
    else:
        yield LocalStore(tmp_path / "store") if request.param == "a folder" else MemoryStore()


def test_a_change_is_told_once_by_whoever_comes(store: Store) -> None:
    one, other = Notifier(store), Notifier(store)
    assert one(OVERDUE).kept
    assert not other(OVERDUE).changes
    assert other().kept
    assert not one().changes
    assert (one.said, other.said) == (["shop: a backup is overdue"], ["shop is well again"])
    assert keys(store) == [f"{n:08}.{phase}.json" for n in (1, 2) for phase in ("sending", "told")]


def test_of_many_who_tell_at_once_one_tells(store: Store) -> None:
    many = [Notifier(store) for _ in range(8)]
    together, notices = Barrier(len(many)), []

    def run(notifier: Notifier) -> None:
        together.wait()
        notices.append(notifier(OVERDUE))

    threads = [Thread(target=run, args=(each,)) for each in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(each.said) for each in many) == 1
    assert sum(notice.kept for notice in notices) == 1
    assert all(notice.kept or notice.taken or not notice.changes for notice in notices)


def test_what_nobody_could_be_told_is_told_by_the_next_run_at_once(store: Store) -> None:
    deaf = Notifier(store, DEAF)
    notice = deaf(OVERDUE)
    assert notice.failed
    assert keys(store) == []
    assert Notifier(store)(OVERDUE).kept


def test_whoever_was_told_is_not_told_again_because_another_url_failed(store: Store) -> None:
    assert Notifier(store, HALF)(OVERDUE).kept
    assert not Notifier(store)(OVERDUE).changes


def test_what_somebody_has_announced_and_not_told_is_told_when_he_is_not_heard_of_again(store: Store) -> None:
    assert Ledger(store, "shop", "who dies").announce(1, now())
    late = Notifier(store)
    assert late(OVERDUE).taken
    assert late.said == []
    assert late(OVERDUE, at=now() + PATIENCE + timedelta(seconds=5)).kept
    assert len(late.said) == 1
    assert not late(OVERDUE).changes


def test_who_waits_for_another_tells_when_that_one_is_not_heard_of_again() -> None:
    store, waited = MemoryStore(), []
    assert Ledger(store, "shop", "who dies").announce(1, now())
    late = Notifier(store)

    def clock() -> datetime:
        return now() + len(waited) * timedelta(seconds=30)

    notice = tell(late.ledger, late.ledger.read(now()), seen(OVERDUE), late.send, clock, lambda: waited.append(1))
    assert notice.kept
    assert waited
    assert len(late.said) == 1


def test_who_waits_for_another_says_nothing_when_that_one_has_told() -> None:
    store = MemoryStore()
    slow, late = Ledger(store, "shop", "slow"), Notifier(store)
    assert slow.announce(1, now())
    told = Told({OVERDUE.name: ToldTrouble(now())})

    def wait() -> None:
        slow.write_down(1, told, now())

    notice = tell(late.ledger, late.ledger.read(now()), seen(OVERDUE), late.send, now, wait)
    assert not notice.changes
    assert late.said == []


def test_a_clock_that_is_far_behind_silences_nobody(store: Store) -> None:
    Ledger(store, "shop", "who dies").announce(1, now())
    assert Notifier(store)(OVERDUE, at=now() - timedelta(days=365)).kept


def test_who_comes_back_after_somebody_else_has_told_does_not_turn_back_what_is_believed(store: Store) -> None:
    slow = Ledger(store, "shop", "slow")
    assert slow.announce(1, now())
    assert Notifier(store)(OVERDUE, at=now() + 2 * PATIENCE).kept
    slow.write_down(1, Told(), now())
    assert not Notifier(store)(OVERDUE).changes


def test_who_has_read_before_another_told_does_not_tell_it_again(store: Store) -> None:
    late = Notifier(store)
    state = late.ledger.read(now())
    assert Notifier(store)(OVERDUE).kept
    assert not tell(late.ledger, state, seen(OVERDUE), late.send, now, late.wait).changes
    assert late.said == []


def test_the_newest_notices_are_kept_and_those_before_are_removed(store: Store) -> None:
    notifier = Notifier(store)
    for turn in range(4):
        notifier(*[OVERDUE] * (turn % 2 == 0))
        notifier(*[OVERDUE] * (turn % 2 == 1), report=f"2026-{turn + 1:02}")
    numbers = sorted({key.partition(".")[0] for key in keys(store)})
    assert len(numbers) == KEPT
    assert not notifier(OVERDUE, report="2026-04").changes.report


def test_the_record_says_what_is_believed_and_none_of_the_words(store: Store) -> None:
    secret = Wrong("shop/main", Trouble("backup failed", "what nobody else should read", None, "nor this"))
    Notifier(store)(secret, report="2026-10")
    stored = b"".join(store.get("shop/notices/00000001.told.json"))
    document = json.loads(stored)
    [trouble] = document["troubles"]
    assert (document["drkit"], document["report"]) == (1, "2026-10")
    assert {**trouble, "since": None} == {"subject": "shop/main", "kind": "backup failed", "since": None, "own": False}
    assert b"nobody" not in stored
    state = Ledger(store, "shop", "").read(now())
    assert set(state.told.troubles) == {("shop/main", "backup failed")}
    assert state.told.report == "2026-10"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"troubles": [1], "report": null}', b"\xff"])
def test_a_record_that_cannot_be_understood_was_not_told(content: bytes) -> None:
    store = MemoryStore()
    store.put("shop/notices/00000001.told.json", iter([content]))
    assert Notifier(store)(OVERDUE).kept
    assert not Notifier(store)(OVERDUE).changes


class Locked(MemoryStore):
    """A store where nothing can be deleted, as with object lock."""

    def delete(self, keys) -> None:
        raise StoreError("it is locked")


def test_where_nothing_can_be_deleted_what_was_not_told_is_told_a_little_later() -> None:
    store = Locked()
    assert Notifier(store, DEAF)(OVERDUE).failed
    assert Notifier(store)(OVERDUE).taken
    assert Notifier(store)(OVERDUE, at=now() + 2 * PATIENCE).kept
    for n in range(6):
        assert Notifier(store)(report=f"2026-{n + 1:02}").kept
    assert len({key.partition(".")[0] for key in keys(store)}) == 8


class Cut(MemoryStore):
    """A store that fails when it should note what was told."""

    def put(self, key: str, chunks: Chunks) -> None:
        if key.endswith(".told.json"):
            raise StoreError("the line is cut")
        super().put(key, chunks)


def test_what_was_told_and_could_not_be_noted_is_told_again() -> None:
    store = Cut()
    notice = Notifier(store)(OVERDUE)
    assert (notice.kept, notice.problem) == (False, "the line is cut")
    again = MemoryStore()
    for entry in store.list():
        again.put(entry.key, store.get(entry.key))
    assert Notifier(again)(OVERDUE, at=now() + 2 * PATIENCE).kept


class Full(MemoryStore):
    def put(self, key: str, chunks: Chunks) -> None:
        raise StoreError("the disk is full", "make room")


def test_a_store_that_takes_nothing_silences_nobody() -> None:
    notifier = Notifier(Full())
    notice = notifier(OVERDUE)
    assert notice.message is not None
    assert notifier.said == ["shop: 2 things are wrong"]
    assert "nothing can be written to the store, so this is told again by every run: the disk is full" in (
        notice.message.body
    )
    assert not notifier().changes


def test_a_preview_tells_nobody_and_notes_nothing(store: Store) -> None:
    notice = preview(Ledger(store, "shop", "").read(now()), seen(OVERDUE), now())
    assert notice.message is not None
    assert notice.message.title == "shop: a backup is overdue"
    assert keys(store) == []


def test_without_a_ledger_all_is_told() -> None:
    said = Notifier(MemoryStore())
    for _ in range(2):
        assert tell_without_ledger(seen(OVERDUE), said.send, now()).message is not None
    assert len(said.said) == 2
    assert tell_without_ledger(seen(), said.send, now()).message is None


def test_what_the_daemon_said_of_itself_is_remembered_as_its_own(store: Store) -> None:
    own = Wrong("shop", Trouble("job hung", "it hung", None, ""), own=True)
    Notifier(store)(own)
    told = Ledger(store, "shop", "").read(now()).told.troubles
    assert [each.own for each in told.values()] == [True]
    assert isinstance(told["shop", "job hung"], ToldTrouble)
