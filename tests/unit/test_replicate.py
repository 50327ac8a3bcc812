from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock
from zoneinfo import ZoneInfo

import pytest

from drkit import catalog
from drkit.errors import AlreadyExists, StoreUnavailable
from drkit.model import Digest, Entry, Manifest
from drkit.ports import Chunks, Store
from drkit.replicate import Copied, copy, plan_copy
from drkit.replicate.lag import ReplicaStanding, judge_lag, judge_log, look
from drkit.signing import new_signing_key
from drkit.stores.local import LocalStore
from drkit.stores.memory import MemoryStore
from manifests import AT, KEY, SIGNERS, manifest_of, put

SOURCE = "shop/main"
DAY = timedelta(days=1)


@dataclass
class Watched:
    """A store that notes every read and put; `on_put` may break one."""

    inner: Store
    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    broken: str = "nothing"
    _lock: Lock = field(default_factory=Lock)

    def put(self, key: str, chunks: Chunks) -> None:
        if self.broken in key:
            raise StoreUnavailable(f"no answer about {key}")
        self.inner.put(key, chunks)
        with self._lock:
            self.written.append(key)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        with self._lock:
            self.read.append(key)
        return self.inner.get(key, start, end)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return self.inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        raise AssertionError("a copy deletes nothing")

    def sweep(self, before: datetime) -> int:
        raise AssertionError("a copy sweeps nothing")


def make_backup(store: Store, at: datetime = AT, pieces: int = 2) -> Manifest:
    """One whose manifest tells the truth."""
    drawn = manifest_of(at, pieces=pieces)
    bodies = [f"{piece.key} has these bytes".encode() for piece in drawn.pieces]
    for piece, body in zip(drawn.pieces, bodies, strict=True):
        put(store, piece.key, body)
    told = tuple(
        replace(piece, sealed=Digest(sha256(body).hexdigest(), len(body)))
        for piece, body in zip(drawn.pieces, bodies, strict=True)
    )
    manifest = replace(drawn, pieces=told)
    catalog.commit(store, manifest, KEY)
    return manifest


def run(here: Store, there: Store) -> Copied:
    return copy(plan_copy(here.list(), there.list()), here, there, SIGNERS)


def contents(store: Store) -> dict[str, bytes]:
    return {entry.key: b"".join(store.get(entry.key)) for entry in list(store.list())}


def change(store: Store, key: str, body: bytes) -> None:
    store.delete([key])
    put(store, key, body)


def test_a_replica_becomes_what_the_store_is_and_each_object_is_read_and_put_once() -> None:
    here, there = Watched(MemoryStore()), Watched(MemoryStore())
    made = [make_backup(here.inner, AT + n * DAY) for n in range(9)]
    catalog.mark(here.inner, SOURCE, made[3].id, made[3].id, "verified")
    others = ["shop/main/drills/x.json", "shop/main/log/a/b", "shop/main/removals/y.json", "shop/main/new-in-version-2"]
    for key in others:
        put(here.inner, key, key.encode())
    done = run(here, there)
    assert contents(there.inner) == contents(here.inner)
    assert sorted(here.read) == sorted(there.written) == sorted(contents(here.inner))
    assert done.points == tuple(manifest.id for manifest in reversed(made))
    assert (done.objects, done.bytes) == (len(here.read), sum(map(len, contents(here.inner).values())))
    assert done.failures == ()
    again = run(here, there)
    assert (again.objects, again.points) == (0, ())


@pytest.mark.parametrize("stopped", range(10))
def test_a_copy_that_stops_at_any_object_lists_no_point_that_is_not_whole_and_is_taken_up_again(stopped: int) -> None:
    here, there = MemoryStore(), Watched(MemoryStore())
    for n in range(3):
        make_backup(here, AT + n * DAY)
    put(here, "shop/main/drills/x.json")
    there.broken = list(contents(here))[stopped]
    with pytest.raises(StoreUnavailable):
        run(here, there)
    expect_whole(there.inner, here)
    there.broken = "nothing"
    run(here, there)
    assert contents(there.inner) == contents(here)
    assert len(there.written) == len(set(there.written)) == 10


def expect_whole(replica: Store, here: Store) -> None:
    for point in catalog.survey(replica, SOURCE).points:
        manifest = catalog.read_manifest(replica, SOURCE, point.id, SIGNERS)
        for piece in manifest.pieces:
            assert sha256(b"".join(replica.get(piece.key))).hexdigest() == piece.sealed.sha256


def test_an_object_that_was_changed_in_the_store_never_becomes_part_of_a_point_of_the_replica() -> None:
    here, there = MemoryStore(), MemoryStore()
    bad, good = make_backup(here), make_backup(here, AT + DAY)
    piece = bad.pieces[1].key
    body = b"".join(here.get(piece))
    change(here, piece, bytes([body[0] ^ 1]) + body[1:])
    done = run(here, there)
    assert done.points == (good.id,)
    [failure] = done.failures
    assert piece in str(failure)
    assert not any(there.list(piece))
    assert [point.id for point in catalog.survey(there, SOURCE).points] == [good.id]


def test_a_piece_that_is_gone_from_the_store_keeps_its_backup_from_being_listed() -> None:
    here, there = MemoryStore(), MemoryStore()
    manifest = make_backup(here)
    here.delete([manifest.pieces[0].key])
    done = run(here, there)
    [failure] = done.failures
    assert manifest.pieces[0].key in str(failure) and "lists it" in str(failure)
    assert catalog.survey(there, SOURCE).points == ()


@pytest.mark.parametrize("forged", [b"{}", b"not JSON"])
def test_a_manifest_that_nobody_signed_is_not_copied(forged: bytes) -> None:
    here, there = MemoryStore(), MemoryStore()
    manifest, good = make_backup(here), make_backup(here, AT + DAY)
    change(here, catalog.manifest_key(SOURCE, manifest.id), forged)
    done = run(here, there)
    assert (done.points, len(done.failures)) == ((good.id,), 1)
    assert not any(there.list(catalog.folder_of(SOURCE, manifest.id)))


def test_a_manifest_of_a_stranger_is_not_copied() -> None:
    here, there = MemoryStore(), MemoryStore()
    make_backup(here)
    strangers = frozenset({new_signing_key().signer()})
    done = copy(plan_copy(here.list(), there.list()), here, there, strangers)
    assert (done.points, len(done.failures), list(there.list())) == ((), 1, [])


def test_what_was_pruned_after_the_listing_is_not_brought_back_and_no_failure() -> None:
    here, there = MemoryStore(), MemoryStore()
    gone, stays = make_backup(here), make_backup(here, AT + DAY)
    put(here, "shop/main/drills/x.json")
    plan = plan_copy(here.list(), there.list())
    here.delete([catalog.manifest_key(SOURCE, gone.id), *(piece.key for piece in gone.pieces)])
    here.delete(["shop/main/drills/x.json"])
    done = copy(plan, here, there, SIGNERS)
    assert (done.points, done.failures) == ((stays.id,), ())
    assert contents(there) == contents(here)


def test_a_point_whose_manifest_goes_while_its_data_are_copied_is_no_failure() -> None:
    here, there = MemoryStore(), MemoryStore()
    gone = make_backup(here)
    plan = plan_copy(here.list(), there.list())

    class Pruned(Watched):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
            found = list(here.get(key))
            if key.endswith("manifest.json"):
                here.delete([key, *(piece.key for piece in gone.pieces)])
            return iter(found)

    done = copy(plan, Pruned(here), there, SIGNERS)
    assert (done.points, done.failures) == ((), ())
    assert catalog.survey(there, SOURCE).points == ()


def test_points_that_share_a_piece_are_each_copied_whole_and_that_piece_is_read_once() -> None:
    here, there = Watched(MemoryStore()), Watched(MemoryStore())
    first = make_backup(here.inner)
    later = [make_backup(here.inner, AT + n * DAY) for n in (1, 2, 3)]
    for manifest in later:
        key = catalog.manifest_key(SOURCE, manifest.id)
        here.inner.delete([key])
        catalog.commit(here.inner, replace(manifest, pieces=(first.pieces[0], *manifest.pieces)), KEY)
    done = run(here, there)
    assert contents(there.inner) == contents(here.inner)
    assert sorted(here.read) == sorted(contents(here.inner))
    assert len(done.points) == 4
    another = make_backup(here.inner, AT + 4 * DAY, pieces=1)
    here.inner.delete([catalog.manifest_key(SOURCE, another.id)])
    catalog.commit(here.inner, replace(another, pieces=(first.pieces[0], *another.pieces)), KEY)
    here.read.clear()
    assert run(here, there).points == (another.id,)
    assert first.pieces[0].key not in here.read


def test_no_point_is_listed_beside_a_shared_piece_that_differs() -> None:
    here, there = MemoryStore(), MemoryStore()
    first, second = make_backup(here), make_backup(here, AT + DAY)
    key = catalog.manifest_key(SOURCE, second.id)
    here.delete([key])
    catalog.commit(here, replace(second, pieces=(first.pieces[0], *second.pieces)), KEY)
    put(there, first.pieces[0].key, b"of another size")
    done = run(here, there)
    assert done.points == ()
    assert {first.pieces[0].key in str(each) for each in done.failures} == {True}


def test_what_vanished_from_the_store_stays_in_the_replica() -> None:
    here, there = MemoryStore(), MemoryStore()
    lost, other = make_backup(here), make_backup(here, AT + DAY)
    run(here, there)
    here.delete([entry.key for entry in here.list(catalog.folder_of(SOURCE, lost.id))])
    run(here, there)
    assert [point.id for point in catalog.survey(there, SOURCE).points] == [lost.id, other.id]


def test_a_piece_that_the_replica_lost_is_copied_again_and_checked() -> None:
    here, there = MemoryStore(), MemoryStore()
    manifest = make_backup(here)
    run(here, there)
    key = manifest.pieces[0].key
    there.delete([key])
    body = b"".join(here.get(key))
    change(here, key, b"!" + body[1:])
    assert len(run(here, there).failures) == 1
    assert not any(there.list(key))
    change(here, key, body)
    assert (run(here, there).objects, contents(there)) == (1, contents(here))


def test_a_key_of_another_size_is_told_and_never_overwritten() -> None:
    here, there = MemoryStore(), MemoryStore()
    manifest = make_backup(here)
    put(there, manifest.pieces[0].key, b"somebody else's")
    put(here, "shop/main/drills/x.json", b"long")
    put(there, "shop/main/drills/x.json", b"longer")
    before = contents(there)
    done = run(here, there)
    assert contents(there) == before
    assert sorted(str(failure).split()[0] for failure in done.failures) == [
        manifest.pieces[0].key,
        "shop/main/drills/x.json",
    ]


def test_two_copies_at_once_are_no_error_to_each_other() -> None:
    here, there = MemoryStore(), MemoryStore()
    make_backup(here, pieces=4)
    plan = plan_copy(here.list(), there.list())

    class Overtaken(Watched):
        def put(self, key: str, chunks: Chunks) -> None:
            put(there, key, b"".join(here.get(key)))
            raise AlreadyExists(f"{key} exists already.")

    done = copy(plan, here, Overtaken(there), SIGNERS)
    assert contents(there) == contents(here)
    assert (len(done.points), done.failures) == (1, ())


def test_a_piece_in_another_backups_folder_is_copied_before_the_manifest_that_lists_it() -> None:
    """As a later version may write it: the other backup is gone, and its folder has no manifest."""
    here, there = MemoryStore(), Watched(MemoryStore())
    old = make_backup(here)
    here.delete([catalog.manifest_key(SOURCE, old.id)])
    new = replace(manifest_of(AT + DAY), pieces=old.pieces)
    catalog.commit(here, new, KEY)
    assert run(here, there).points == (new.id,)
    assert there.written[-1] == catalog.manifest_key(SOURCE, new.id)
    assert {piece.key for piece in old.pieces} <= set(there.written)


def test_when_one_put_fails_those_beside_it_end_at_their_next_chunk(tmp_path: Path) -> None:
    here, there = LocalStore(tmp_path / "here"), LocalStore(tmp_path / "there")
    make_backup(here)
    make_backup(here, AT + DAY)
    begun, failed = Event(), Event()

    class Endless(Watched):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
            return self._flow(key) if key == slow else here.get(key, start, end)

        def _flow(self, key: str) -> Chunks:
            begun.set()
            failed.wait()
            for _ in range(1_000_000):
                yield b"more and more"

    class Failing(Watched):
        def put(self, key: str, chunks: Chunks) -> None:
            if key == fails:
                begun.wait()
                failed.set()
                raise StoreUnavailable("no answer")
            there.put(key, chunks)

    slow, fails = (backup.beside[0].key for backup in plan_copy(here.list(), ()).backups)
    with pytest.raises(StoreUnavailable, match="no answer"):
        copy(plan_copy(here.list(), ()), Endless(here), Failing(there), SIGNERS)
    assert not any(there.list(slow))
    assert not any((tmp_path / "there" / ".incoming").iterdir())


RPO = timedelta(hours=1)
NOW = AT + timedelta(minutes=90)


def lag(here: list[int], there: list[int], rpo: timedelta | None = RPO) -> ReplicaStanding:
    """Points by how many minutes before NOW they were captured."""
    store = MemoryStore()
    for minutes in {*here, *there}:
        make_backup(store, NOW - timedelta(minutes=minutes))
    points = {NOW - point.consistent_at: point for point in catalog.survey(store, SOURCE).points}
    ours, theirs = ([points[timedelta(minutes=minutes)] for minutes in each] for each in (here, there))
    return judge_lag("a URL", ours, theirs, len(here) - len(there), rpo, NOW)


def test_the_lag_of_a_replica_is_the_age_of_the_newest_point_there() -> None:
    judged = lag([80, 50, 20], [80, 50])
    assert (judged.lag, judged.behind, judged.met) == (timedelta(minutes=50), 1, True)
    assert lag([80, 50, 20], [80]).met is False
    assert lag([80, 50, 20], [80], rpo=None).met is None


def test_a_replica_that_has_all_is_not_to_blame_for_backups_that_were_not_made() -> None:
    judged = lag([80], [80])
    assert (judged.lag, judged.met, judged.healthy) == (timedelta(minutes=80), True, True)


def test_a_replica_without_any_point_breaks_every_promise_once_there_is_one_to_copy() -> None:
    assert lag([80], [], rpo=None).healthy is False
    assert lag([], []).healthy is True


def test_a_replica_is_as_old_as_its_newest_point_that_is_whole() -> None:
    here, there = MemoryStore(), MemoryStore()
    make_backup(here)
    broken = make_backup(here, AT + timedelta(minutes=60))
    run(here, there)
    listing = catalog.survey(here, SOURCE)
    zone = ZoneInfo("UTC")
    assert look("a URL", there, listing, None, zone, SIGNERS, RPO, NOW).captured_at == broken.consistent_at
    there.delete([broken.pieces[0].key])
    judged = look("a URL", there, listing, None, zone, SIGNERS, RPO, NOW)
    assert (judged.captured_at, judged.behind, judged.healthy) == (AT, 1, False)
    assert broken.pieces[0].key in judged.error


BASES = ReplicaStanding("a URL", AT, timedelta(days=3), 0, True)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ours", "theirs", "met"),
    [(1, 1, True), (1, 4, True), (1, 6, False), (7, 7, True), (1, None, False), (None, None, None)],
)
def test_a_replica_of_a_log_is_as_far_behind_as_its_log(ours: int | None, theirs: int | None, met: bool | None) -> None:
    """Minutes ago; five are promised. Where the store has nothing newer the replica is not to blame."""
    here, there = (None if each is None else AT - each * MINUTE for each in (ours, theirs))
    judged = judge_log(BASES, here, there, 5 * MINUTE, AT)
    assert (judged.captured_at, judged.met) == (there, met)
    assert judged.lag == (None if theirs is None else theirs * MINUTE)
