import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drkit import catalog
from drkit.backup import GRACE
from drkit.errors import IntegrityError, NotFound
from drkit.model import Entry, Manifest, Point
from drkit.ports import Chunks, Store
from drkit.prune import PrunePlan, plan_prune, prune, read_references
from drkit.prune.removals import read_removals, record_removals, spell_policy
from drkit.retention import Policy, judge
from drkit.stores.local import LocalStore
from drkit.stores.memory import MemoryStore
from manifests import AT, KEY, SIGNERS, manifest_of, put, put_backup

SOURCE = "shop/main"
NOW = datetime(2200, 1, 1, tzinfo=UTC)


class Unplugged(Exception):
    pass


class Failing:
    """The store behind it, until `left` operations were made; a delete of many keys is as many operations."""

    def __init__(self, inner: Store, left: int) -> None:
        self.inner = inner
        self.left = left

    def _count(self) -> None:
        if self.left == 0:
            raise Unplugged
        self.left -= 1

    def put(self, key: str, chunks: Chunks) -> None:
        self._count()
        self.inner.put(key, chunks)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        self._count()
        return self.inner.get(key, start, end)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        self._count()
        return self.inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._count()
            self.inner.delete([key])

    def sweep(self, before: datetime) -> int:
        self._count()
        return self.inner.sweep(before)


def plan(store: Store, policy: Policy) -> PrunePlan:
    listing = catalog.survey(store, SOURCE)
    verdicts = judge(policy, listing.points, ZoneInfo("UTC"), AT + timedelta(days=365))
    staying = [verdict.point for verdict in verdicts if verdict.reasons]
    listed = read_references(store, staying, SIGNERS)
    return plan_prune(listing, verdicts, set().union(*listed.values()), GRACE, NOW)


def carry_out(store: Store, made: PrunePlan, now: datetime = NOW) -> None:
    """As the command does it, with its record."""
    prune(
        store,
        made,
        partial(
            record_removals,
            source=SOURCE,
            store=store,
            why=spell_policy(LAST_TWO),
            signing_key=KEY,
            signers=SIGNERS,
            now=now,
            token=secrets.token_hex(4),
            correlation_id="a run",
        ),
    )


def run(store: Store, policy: Policy, now: datetime = NOW) -> None:
    carry_out(store, plan(store, policy), now)


def daily(count: int) -> list[Manifest]:
    return [manifest_of(AT + timedelta(days=day)) for day in range(count)]


def keys(store: Store) -> set[str]:
    return {entry.key for entry in store.list()}


def whole(store: Store) -> list[str]:
    """The IDs of the points that are listed. Each must be whole."""
    present = keys(store)
    points = catalog.survey(store, SOURCE).points
    for point in points:
        manifest = catalog.read_manifest(store, point.source, point.id, SIGNERS)
        assert {piece.key for piece in manifest.pieces} <= present, point
    return [point.id for point in points]


LAST_TWO = Policy(last=2, min_points=0)


def test_what_no_rule_keeps_goes_with_its_pieces_and_the_rest_is_whole() -> None:
    store, manifests = MemoryStore(), daily(5)
    for manifest in manifests:
        put_backup(store, manifest)
    put(store, "shop/other/backups/not-ours")
    made = plan(store, LAST_TWO)
    before = sum(entry.size for entry in store.list())
    carry_out(store, made)
    assert whole(store) == [manifest.id for manifest in manifests[3:]]
    assert len(keys(store)) == 2 * 3 + 1 + 1
    record = sum(entry.size for entry in store.list(catalog.removals_of(SOURCE)))
    assert made.bytes == before + record - sum(entry.size for entry in store.list())


def test_manifests_go_before_any_of_their_data() -> None:
    store = MemoryStore()
    for manifest in daily(4):
        put_backup(store, manifest)
    made = plan(store, LAST_TWO)
    assert len(made.manifests) == 2
    stopped = Failing(store, 7)  # four listings and the record, then one delete a manifest
    with pytest.raises(Unplugged):
        carry_out(stopped, made)
    assert not keys(store) & set(made.manifests)
    assert set(made.objects) <= keys(store)


def test_no_point_is_gone_before_a_record_says_so() -> None:
    stopped = 0
    while True:
        store, manifests = MemoryStore(), daily(4)
        for manifest in manifests:
            put_backup(store, manifest)
        try:
            run(Failing(store, stopped), LAST_TWO)
        except Unplugged:
            stopped += 1
            recorded = {point.id for each in read_removals(store, SOURCE, SIGNERS, AT).records for point in each.points}
            assert {manifest.id for manifest in manifests} - set(whole(store)) <= recorded
        else:
            break
    [record] = read_removals(store, SOURCE, SIGNERS, AT).records
    assert [point.id for point in record.points] == [manifest.id for manifest in reversed(manifests[:2])]


def test_a_prune_that_stops_after_any_operation_leaves_every_listed_point_whole() -> None:
    stopped = 0
    while True:
        store, manifests = MemoryStore(), daily(4)
        for manifest in manifests:
            put_backup(store, manifest)
        try:
            run(Failing(store, stopped), LAST_TWO)
        except Unplugged:
            assert set(whole(store)) >= {manifest.id for manifest in manifests[2:]}
            run(store, LAST_TWO)
            assert whole(store) == [manifest.id for manifest in manifests[2:]]
            stopped += 1
            continue
        break
    assert stopped >= 1 + 2 + 2 + 4 + 1  # a listing, manifests read, manifests and pieces deleted, a sweep


def test_a_backup_that_stops_after_any_operation_is_whole_or_not_listed() -> None:
    for operations in range(4):
        store, manifest = MemoryStore(), manifest_of()
        failing = Failing(store, operations)
        try:
            put_backup(failing, manifest)
        except Unplugged:
            assert whole(store) == []
        else:
            assert (operations, whole(store)) == (3, [manifest.id])


def test_two_prunes_and_a_backup_at_once_leave_every_listed_point_whole() -> None:
    store = MemoryStore()
    manifests = daily(40)
    for manifest in manifests[:10]:
        put_backup(store, manifest)

    def keep_pruning() -> int:
        done = 0
        while done < 25:
            try:
                run(store, LAST_TWO)
            except NotFound:  # the other one removed a manifest that this one was about to read: nothing is deleted
                continue
            done += 1
        return done

    def keep_capturing() -> None:
        for manifest in manifests[10:]:
            put_backup(store, manifest)
            # the newest of all, so no rule lets it go; nothing of it was taken while it was being written
            assert {piece.key for piece in manifest.pieces} <= keys(store)

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(keep_pruning), pool.submit(keep_pruning), pool.submit(keep_capturing)]
        for each in running:
            each.result()
    run(store, LAST_TWO)
    assert whole(store) == [manifest.id for manifest in manifests[-2:]]


def test_a_pinned_point_stays_until_it_is_unpinned() -> None:
    store, manifests = MemoryStore(), daily(4)
    for manifest in manifests:
        put_backup(store, manifest)
    oldest = catalog.survey(store, SOURCE).points[0]
    catalog.pin(store, oldest, "a test", AT)
    run(store, LAST_TWO)
    assert whole(store) == [manifests[0].id, manifests[2].id, manifests[3].id]
    catalog.unpin(store, oldest)
    run(store, LAST_TWO)
    assert whole(store) == [manifests[2].id, manifests[3].id]
    assert len(list(store.list(catalog.backups_of(SOURCE)))) == 6


def test_an_unreadable_manifest_among_those_that_stay_stops_a_prune_before_anything_is_deleted() -> None:
    store, manifests = MemoryStore(), daily(5)
    for manifest in manifests:
        put_backup(store, manifest)
    key = catalog.manifest_key(SOURCE, manifests[4].id)
    store.delete([key])
    put(store, key, b"{}")
    before = keys(store)
    with pytest.raises(IntegrityError, match=key):
        run(store, LAST_TWO)
    assert keys(store) == before


def test_an_unreadable_manifest_among_those_that_go_is_no_obstacle() -> None:
    store, manifests = MemoryStore(), daily(3)
    for manifest in manifests:
        put_backup(store, manifest)
    key = catalog.manifest_key(SOURCE, manifests[0].id)
    store.delete([key])
    put(store, key, b"{}")
    run(store, LAST_TWO)
    assert whole(store) == [manifest.id for manifest in manifests[1:]]


def test_a_piece_that_a_staying_manifest_lists_stays_wherever_it_lies() -> None:
    store = MemoryStore()
    old, new = manifest_of(AT), manifest_of(AT + timedelta(days=1))
    put_backup(store, old)
    shared = replace(new, pieces=(*new.pieces[:1], old.pieces[1]))
    put(store, shared.pieces[0].key)
    catalog.commit(store, shared, KEY)
    run(store, Policy(last=1, min_points=0))
    assert whole(store) == [new.id]
    assert old.pieces[1].key in keys(store)
    assert old.pieces[0].key not in keys(store)


def _stamp(folder: Path, key: str, at: datetime) -> None:
    os.utime(folder / key, (at.timestamp(), at.timestamp()))


@pytest.mark.parametrize("year", [2001, 2026, 2099])
def test_orphans_are_judged_by_the_stores_own_stamps_and_no_other_clock(tmp_path: Path, year: int) -> None:
    """Whatever year the store believes it is: an orphan goes once the store has stamped something a grace later."""
    store, manifest = LocalStore(tmp_path), manifest_of()
    put_backup(store, manifest)
    old, young = manifest_of(token="0" * 8), manifest_of(token="1" * 8)
    for orphan in (old, young):
        put(store, orphan.pieces[0].key)
    newest = datetime(year, 6, 1, tzinfo=UTC)
    for entry in list(store.list()):
        _stamp(tmp_path, entry.key, newest)
    _stamp(tmp_path, old.pieces[0].key, newest - GRACE)
    _stamp(tmp_path, young.pieces[0].key, newest - GRACE + timedelta(seconds=1))
    made = plan(store, LAST_TWO)
    assert made.objects == (old.pieces[0].key,)
    assert made.sweep_before == newest - GRACE
    carry_out(store, made)
    assert young.pieces[0].key in keys(store)
    assert whole(store) == [manifest.id]


def test_a_source_that_was_never_captured_has_nothing_to_prune() -> None:
    store = MemoryStore()
    made = plan(store, LAST_TWO)
    assert made == PrunePlan((), (), (), (), 0, NOW - GRACE, source=SOURCE, marks_before=NOW - catalog.COUNTS)
    carry_out(store, made)


def test_references_are_those_of_the_points_that_are_named() -> None:
    store, manifests = MemoryStore(), daily(3)
    for manifest in manifests:
        put_backup(store, manifest)
    points = [Point(SOURCE, manifest.id, manifest.consistent_at, 0) for manifest in manifests[:2]]
    assert read_references(store, points, SIGNERS) == {
        manifest.id: tuple(piece.key for piece in manifest.pieces) for manifest in manifests[:2]
    }


def test_a_point_that_was_pinned_after_the_plan_was_made_stays_and_so_does_what_it_may_rest_on() -> None:
    store = MemoryStore()
    for manifest in daily(4):
        put_backup(store, manifest)
    made = plan(store, LAST_TWO)
    oldest = catalog.survey(store, SOURCE).points[0]
    catalog.pin(store, oldest, "an audit asks for it", AT)
    carry_out(store, made)
    assert len(whole(store)) == 4
    run(store, LAST_TWO)
    assert oldest.id in whole(store)
    assert len(whole(store)) == 3


def test_a_stamp_in_the_future_makes_no_young_orphan_old(tmp_path: Path) -> None:
    """One backup host with a wrong clock must not let a prune take what another one is writing."""
    store, manifest, running = LocalStore(tmp_path), manifest_of(), manifest_of(token="1" * 8)
    put_backup(store, manifest)
    put(store, running.pieces[0].key)
    now = datetime.now(UTC)
    _stamp(tmp_path, catalog.manifest_key(SOURCE, manifest.id), now + timedelta(days=30))
    listing = catalog.survey(store, SOURCE)
    verdicts = judge(LAST_TWO, listing.points, ZoneInfo("UTC"), now)
    made = plan_prune(listing, verdicts, set(), GRACE, now)
    assert made.objects == ()
    assert made.sweep_before == now - GRACE


def test_what_a_restore_reads_stays_until_the_store_has_stamped_something_a_day_later(tmp_path: Path) -> None:
    """Also what it has begun to read after the plan was made. Nobody may be left to take the mark away."""
    store, manifests = LocalStore(tmp_path), daily(3)
    for manifest in manifests:
        put_backup(store, manifest)
    mark = catalog.reading_key(SOURCE, manifests[0].id, "7f3a9c01")
    catalog.mark_reading(store, [mark])
    newest = NOW - timedelta(days=3)
    for entry in list(store.list()):
        _stamp(tmp_path, entry.key, newest)
    _stamp(tmp_path, mark, newest - catalog.COUNTS)
    run(store, LAST_TWO)
    assert whole(store) == [manifest.id for manifest in manifests]
    assert mark in keys(store)
    _stamp(tmp_path, mark, newest - catalog.COUNTS - timedelta(seconds=1))
    run(store, LAST_TWO)
    assert whole(store) == [manifest.id for manifest in manifests[1:]]
    assert mark not in keys(store)


def test_no_log_goes_while_a_restore_has_begun_that_the_plan_did_not_know() -> None:
    """Also not where the base that it reads stays: which log it needs only a plan can tell."""
    store, manifest = MemoryStore(), manifest_of()
    put_backup(store, manifest)
    key = f"{SOURCE}/log/1/1/old"
    put(store, key)
    made = replace(plan(store, LAST_TWO), log=tuple(store.list(key)))
    catalog.mark_reading(store, [catalog.reading_key(SOURCE, manifest.id, "7f3a9c01")])
    carry_out(store, made)
    assert key in keys(store)
    carry_out(store, replace(made, reading=frozenset([manifest.id])))
    assert key not in keys(store)
