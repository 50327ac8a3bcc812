"""What the report makes of a store in which something went wrong."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from drills import BAD, GOOD, drill_at
from drkit import catalog
from drkit.ports import Store
from drkit.prune.removals import record_removals
from drkit.report.model import Known
from drkit.report.reading import Asked, first_known, read_known
from drkit.retention import Policy
from drkit.signing import new_signing_key
from drkit.stores.memory import MemoryStore
from drkit.timetable import parse_cron
from drkit.verify.ledger import commit_evidence
from manifests import KEY, SIGNERS, manifest_of, put_backup

SOURCE, ZONE = "shop/main", ZoneInfo("UTC")
FIRST = datetime(2024, 5, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
ASKED = Asked("sqlite", parse_cron("0 3 * * *"), None, None, None, Policy(last=1))


def read(store: Store, since: datetime = FIRST) -> Known:
    return read_known(store, catalog.survey(store, SOURCE), ASKED, SIGNERS, ZONE, since, FIRST + 30 * DAY)


def with_points(count: int) -> MemoryStore:
    store = MemoryStore()
    for day in range(count):
        put_backup(store, manifest_of(FIRST + day * DAY))
    return store


def record(store: Store, on: datetime, *, token: str = "00000001", of: int = 1) -> None:
    points = catalog.survey(store, SOURCE).points[:of]
    record_removals(points, [], SOURCE, store, f"the prune of {on:%d}", KEY, SIGNERS, on, token, "a run")


def remove(store: Store, backup_id: str) -> None:
    store.delete([entry.key for entry in store.list(catalog.folder_of(SOURCE, backup_id))])


def test_a_point_that_a_stopped_prune_left_still_stands() -> None:
    store = with_points(2)
    record(store, FIRST + 3 * DAY, of=2)
    remove(store, catalog.survey(store, SOURCE).points[0].id)
    known = read(store)
    assert [removal.point.consistent_at for removal in known.removals] == [FIRST]
    assert [point.consistent_at for point in known.points] == [FIRST + DAY]


def test_a_point_that_two_prunes_wrote_down_was_removed_by_the_later_one() -> None:
    store = with_points(2)
    record(store, FIRST + 3 * DAY)
    record(store, FIRST + 4 * DAY)
    remove(store, catalog.survey(store, SOURCE).points[0].id)
    [removal] = read(store).removals
    assert (removal.removed_at, removal.why) == (FIRST + 4 * DAY, "the prune of 05")


def test_a_drill_by_a_foreign_signer_counts_for_nothing_and_is_a_single_doubt() -> None:
    store = with_points(1)
    stranger = new_signing_key()
    [point] = catalog.survey(store, SOURCE).points
    drill = drill_at(FIRST + DAY, backup=point.id)
    commit_evidence(store, drill, stranger, {stranger.signer()})
    known = read(store)
    assert (known.drills, len(known.doubts)) == ([], 1)
    assert drill.id in known.doubts[0].detail


def test_a_mark_that_no_evidence_bears_out_is_a_doubt() -> None:
    store = with_points(1)
    [point] = catalog.survey(store, SOURCE).points
    catalog.mark(store, SOURCE, point.id, drill_at(FIRST + DAY).id, "verified")
    assert [doubt.check for doubt in read(store).doubts] == ["mark"]


def test_the_first_that_is_known_may_be_a_point_that_is_gone_or_a_drill() -> None:
    store = with_points(2)
    assert first_known([read(store)]) == FIRST
    record(store, FIRST + 3 * DAY)
    remove(store, catalog.survey(store, SOURCE).points[0].id)
    assert first_known([read(store)]) == FIRST
    commit_evidence(store, drill_at(FIRST - DAY), KEY, SIGNERS)
    assert first_known([read(store)]) == FIRST - DAY
    assert first_known([read(MemoryStore())]) is None


def test_without_a_policy_no_rule_is_named() -> None:
    store = with_points(2)
    assert len(read(store).verdicts) == 2
    asked = Asked("sqlite", ASKED.backup, None, None, None, None)
    listing = catalog.survey(store, SOURCE)
    assert read_known(store, listing, asked, SIGNERS, ZONE, FIRST, FIRST + 30 * DAY).verdicts == ()


def test_the_newest_point_counts_for_nothing_and_is_a_doubt_where_its_pieces_are_not_whole() -> None:
    store = with_points(3)
    newest = catalog.survey(store, SOURCE).points[-1]
    store.delete([f"{catalog.folder_of(SOURCE, newest.id)}/part1.zst.age"])
    known = read(store)
    assert [point.consistent_at for point in known.points] == [FIRST, FIRST + DAY]
    assert [(doubt.check, "part1" in doubt.detail) for doubt in known.doubts] == [("backup", True)]


def test_a_point_that_was_refuted_before_it_was_removed_is_still_known_as_refuted() -> None:
    store = with_points(2)
    [point, _] = catalog.survey(store, SOURCE).points
    for number, checks in enumerate([(GOOD,), (BAD,), ()]):
        at = FIRST + DAY + number * timedelta(hours=1)
        commit_evidence(store, drill_at(at, backup=point.id, result="failed", checks=checks), KEY, SIGNERS)
    afar = drill_at(FIRST + DAY + timedelta(hours=9), backup=point.id, scenario="region-failure")
    commit_evidence(store, afar, KEY, SIGNERS, marking=False)
    record(store, FIRST + 3 * DAY)
    remove(store, point.id)
    [removal] = read(store).removals
    assert removal.point.refuted_at == FIRST + DAY + timedelta(hours=1)
