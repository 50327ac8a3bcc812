from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drills import AT, drill_at
from drkit import catalog
from drkit.ports import Store
from drkit.stores.memory import MemoryStore
from drkit.timetable import parse_cron
from drkit.verify.chain import check_chain
from drkit.verify.history import believe, read_newest
from drkit.verify.ledger import commit_evidence, read_store
from drkit.verify.missed import MOST, record_missed
from drkit.verify.model import Drill
from manifests import KEY, SIGNERS, manifest_of, put_backup

SOURCE = "shop/main"
ZONE = ZoneInfo("Europe/Madrid")
NIGHTLY = parse_cron("0 4 * * *")
HOURLY = parse_cron("0 * * * *")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FOUR = AT.replace(hour=3, minute=0, second=0, microsecond=0)  # in Madrid, in winter


def record(store: Store, now: datetime, cron=NIGHTLY) -> list[str]:
    return record_missed(store, SOURCE, cron, ZONE, KEY, SIGNERS, now, "a run")


def commit(store: Store, drill: Drill) -> None:
    commit_evidence(store, drill, KEY, SIGNERS)


def read(store: Store) -> list[Drill]:
    return [evidence.drill for evidence in believe(read_store(store, SOURCE), SIGNERS).evidences]


def test_a_planned_drill_that_never_ran_leaves_signed_evidence_once() -> None:
    store = MemoryStore()
    commit(store, drill_at(FOUR))
    now = FOUR + 3 * DAY + HOUR
    written = record(store, now)
    assert len(written) == 2
    assert record(store, now) == []
    _, first, second = read(store)
    assert (first.started_at, second.started_at) == (FOUR + DAY, FOUR + 2 * DAY)
    assert (first.result, first.ended_at, first.backup, first.rto.met) == ("missed", now, None, None)
    assert first.error == "no drill began between 2020-11-21T03:00:00Z and 2020-11-22T03:00:00Z"
    assert all(finding.passed for finding in check_chain(read_store(store, SOURCE), SIGNERS))


def test_a_drill_for_which_there_is_still_time_is_not_missed() -> None:
    store = MemoryStore()
    commit(store, drill_at(FOUR))
    assert record(store, FOUR + 2 * DAY - timedelta(seconds=1)) == []
    assert len(record(store, FOUR + 2 * DAY)) == 1


def test_a_monthly_drill_is_missed_a_day_after_its_time() -> None:
    store, monthly = MemoryStore(), parse_cron("0 4 1 * *")
    commit(store, drill_at(FOUR))
    first = datetime(2020, 12, 1, 3, tzinfo=AT.tzinfo)
    assert record(store, first + DAY - timedelta(seconds=1), monthly) == []
    assert record(store, first + DAY, monthly) == [catalog.drill_key(SOURCE, "20201201T030000.000000Z-00000000")]


def test_what_two_notice_at_once_is_written_once() -> None:
    """One of them listed the drills before the other wrote."""
    store = MemoryStore()
    commit(store, drill_at(FOUR))
    now = FOUR + 3 * DAY

    class Between:
        """The same store, of which the first listing comes before what somebody else does."""

        def __init__(self) -> None:
            self.listed = False

        def list(self, prefix=""):
            found = list(store.list(prefix))
            if not self.listed:
                self.listed = True
                assert len(record(store, now)) == 2
            return iter(found)

        def __getattr__(self, name):
            return getattr(store, name)

    assert record(Between(), now) == []
    assert [drill.result for drill in read(store)] == ["passed", "missed", "missed"]


def test_nothing_is_missed_before_the_first_evidence_as_the_schedule_may_be_younger_than_the_source() -> None:
    store = MemoryStore()
    put_backup(store, manifest_of(AT))
    assert record(store, FOUR + 9 * DAY) == []
    commit(store, drill_at(FOUR + 9 * DAY, result="aborted", backup=None))
    assert len(record(store, FOUR + 11 * DAY)) == 1


def test_a_schedule_that_was_forgotten_for_long_fills_no_store() -> None:
    store = MemoryStore()
    commit(store, drill_at(FOUR))
    assert len(record(store, FOUR + 30 * DAY, HOURLY)) == MOST
    assert read(store)[-1].started_at == FOUR + 30 * DAY - HOUR


def test_a_drill_dated_in_the_future_excuses_none() -> None:
    store = MemoryStore()
    commit(store, drill_at(FOUR))
    commit(store, drill_at(FOUR + 99 * DAY, token="00000002"))
    assert len(record(store, FOUR + 3 * DAY)) == 2


def test_the_newest_evidence_is_read_and_what_cannot_be_believed_is_a_doubt() -> None:
    store = MemoryStore()
    for day in range(4):
        commit(store, drill_at(FOUR + day * DAY))
    newest = [entry.key for entry in store.list(catalog.drills_of(SOURCE))][-1]
    content = b"".join(store.get(newest))
    store.delete([newest])
    store.put(newest, iter([content.replace(b'"passed"', b'"failed"')]))
    found = read_newest(store, SOURCE, SIGNERS, 2, FOUR + 9 * DAY)
    assert [evidence.drill.started_at for evidence in found.evidences] == [FOUR + 2 * DAY]
    assert [newest in doubt.detail for doubt in found.doubts] == [True]


def test_evidence_that_a_fast_clock_has_dated_later_takes_no_other_ones_place() -> None:
    store = MemoryStore()
    for day in range(6):
        commit(store, drill_at(FOUR + day * DAY))
    found = read_newest(store, SOURCE, SIGNERS, 2, FOUR + 2 * DAY)
    assert [evidence.drill.started_at for evidence in found.evidences] == [FOUR + day * DAY for day in range(1, 6)]
    assert found.doubts == ()
