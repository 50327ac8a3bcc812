"""A replica on every kind of store: what is copied there restores to what was captured."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drkit.catalog import survey
from drkit.keyring import open_signers
from drkit.replicate import copy, plan_copy
from drkit.stores import open_store
from fault_system import BOOKS, DOCS, make_system
from servers.s3_server import S3Server


@pytest.fixture
def places(
    tmp_path: Path, moto_url: S3Server, radosgw_url: S3Server, place: Callable[[S3Server], str]
) -> Callable[[str], Callable[[], str]]:
    """The URL of a new place of a kind. Both servers know the same credentials."""
    return {
        "folder": lambda: (tmp_path / "replica").as_uri(),
        "moto": lambda: place(moto_url),
        "radosgw": lambda: place(radosgw_url),
    }.__getitem__


@pytest.mark.parametrize(
    ("home", "away"), [("folder", "radosgw"), ("radosgw", "moto"), ("moto", "folder"), ("radosgw", "radosgw")]
)
def test_a_replica_of_any_kind_holds_every_object_and_restores_by_itself(
    tmp_path: Path, places: Callable[[str], Callable[[], str]], home: str, away: str
) -> None:
    here = places(home)() if home != "folder" else (tmp_path / "store").as_uri()
    there = places(away)()
    system = make_system(tmp_path / "shop", here, size=13_000_000)
    manifests = [system.back_up(DOCS, f"{number:08x}") for number in range(2)] + [system.back_up(BOOKS)]
    store, replica, signers = open_store(here), open_store(there), open_signers(system.source(DOCS).system)
    done = copy(plan_copy(store.list("shop/"), replica.list("shop/")), store, replica, signers)
    assert set(done.points) == {manifest.id for manifest in manifests}
    assert [(entry.key, entry.size) for entry in replica.list()] == [(entry.key, entry.size) for entry in store.list()]
    for name in (DOCS, BOOKS):
        for point in survey(replica, name).points:
            target = tmp_path / point.id
            system.restore(point, target, replica)
            assert system.holds(name, target)
    again = copy(plan_copy(store.list("shop/"), replica.list("shop/")), store, replica, signers)
    assert (again.objects, again.bytes, again.failures) == (0, 0, ())
