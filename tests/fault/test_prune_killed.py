"""kill -9 in prune: what is listed afterwards is whole, and a later prune finishes what was begun."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import pytest

from drkit.backup import GRACE
from drkit.catalog import backups_of, removals_of, survey
from drkit.keyring import open_signers
from drkit.prune import plan_prune, prune, read_references
from drkit.retention import Verdict
from fault_gate import Gate
from fault_system import DOCS, FaultSystem, make_system, wait_for
from patience import PATIENCE
from servers.proxy import proxy_before
from servers.s3_server import S3Server

MANY = 12
KEPT = 3


@pytest.mark.parametrize("gone", [1, MANY - KEPT])
def test_points_are_whole_after_a_killed_prune_of_a_folder(tmp_path: Path, gone: int) -> None:
    system = make_many_points(tmp_path / "shop")
    with system.running("prune", DOCS, "--yes") as child:
        wait_for(lambda: len(list(system.store_folder.glob("shop/docs/backups/*/manifest.json"))) <= MANY - gone, child)
    expect_whole_points(system, tmp_path, at_least=KEPT)


def test_points_are_whole_after_a_prune_that_was_killed_among_the_data(tmp_path: Path) -> None:
    system = make_many_points(tmp_path / "shop")
    data = len(pieces_in(system))
    with system.running("prune", DOCS, "--yes") as child:
        wait_for(lambda: len(pieces_in(system)) < data, child)
    expect_whole_points(system, tmp_path, at_least=KEPT)


def test_what_a_killed_prune_left_is_collected_once_the_grace_has_passed(tmp_path: Path) -> None:
    system = make_many_points(tmp_path / "shop")
    with system.running("prune", DOCS, "--yes") as child:
        wait_for(lambda: len(list(system.store_folder.glob("shop/docs/backups/*/manifest.json"))) < MANY, child)
    half_written = system.incoming / ("ab" * 16)
    half_written.write_bytes(b"what a killed backup left")
    assert system.run("prune", DOCS, "--yes").code == 0
    assert half_written.exists()
    make_old(system)
    system.back_up(DOCS)
    assert system.run("prune", DOCS, "--yes").code == 0
    folders = {path.parent.name for path in pieces_in(system)}
    assert folders == {point.id for point in system.points(DOCS)} and len(folders) == KEPT
    assert not any(system.incoming.iterdir())
    expect_whole_points(system, tmp_path, at_least=KEPT)


def test_a_young_orphan_survives_every_prune(tmp_path: Path) -> None:
    """It may belong to a backup that is being written elsewhere."""
    system = make_many_points(tmp_path / "shop", many=1)
    orphan = system.store_folder / "shop/docs/backups/20300101T000000.000000Z-00000000/files.zst.age"
    orphan.parent.mkdir()
    orphan.write_bytes(b"not finished yet")
    assert system.run("prune", DOCS, "--yes").code == 0
    assert orphan.exists()


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("batch", [1, 2], ids=["the manifests", "the data"])
def test_points_are_whole_after_a_killed_prune_of_a_bucket(
    tmp_path: Path, moto_url: S3Server, use_server, batch: int, side: str
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    with proxy_before(moto_url) as (proxy, near):
        system = make_many_points(tmp_path / "shop", near.url(bucket, "prod"), many=5)
        gate = Gate()
        for _ in range(batch - 1):
            proxy.breaks("POST .*delete", Gate.open().before)
        proxy.breaks("POST .*delete", getattr(gate, side))
        with system.running("prune", DOCS, "--yes") as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        manifests_gone = (batch, side) != (1, "before")
        expect_whole_points(system, tmp_path, at_least=KEPT)
        assert len(system.points(DOCS)) == (KEPT if manifests_gone else 5)
        assert len(list(system.store().list(removals_of(DOCS)))) == 1  # before anything was gone
        prune_with(system, grace=timedelta(0))
        entries = list(system.store().list(backups_of(DOCS)))
        assert {entry.key.split("/")[3] for entry in entries} == {point.id for point in system.points(DOCS)}
        expect_whole_points(system, tmp_path / "again", at_least=KEPT)


def make_many_points(folder: Path, url: str = "file://{folder}/store", many: int = MANY) -> FaultSystem:
    system = make_system(folder, url, keep=KEPT, size=1000)
    for number in range(many):
        system.back_up(DOCS, f"{number:08x}")
    return system


def pieces_in(system: FaultSystem) -> list[Path]:
    """A prune may be taking folders away meanwhile, which os.walk does not mind."""
    found = os.walk(system.store_folder / "shop/docs/backups")
    return [Path(place, name) for place, _, names in found for name in names if name.endswith(".age")]


def make_old(system: FaultSystem) -> None:
    """All data in the store were put there longer than the grace period ago. Manifests keep their stamps: a point
    that was stored long before its own moment would be misdated."""
    long_ago = time() - GRACE.total_seconds() - 3600
    for path in system.store_folder.rglob("*"):
        if path.name != "manifest.json":
            os.utime(path, (long_ago, long_ago))


def prune_with(system: FaultSystem, grace: timedelta) -> None:
    """Everything that is listed stays."""
    source = system.source(DOCS)
    listing = survey(source.store(), DOCS)
    verdicts = [Verdict(point, ("kept",)) for point in listing.points]
    listed = read_references(source.store(), listing.points, open_signers(source.system)).values()
    prune(
        source.store(),
        plan_prune(listing, verdicts, set().union(*listed), grace, datetime.now(UTC)),
        [].extend,
    )


def expect_whole_points(system: FaultSystem, folder: Path, at_least: int) -> None:
    folder.mkdir(exist_ok=True)
    points = system.points(DOCS)
    assert len(points) >= at_least
    for point in points:
        assert system.is_whole(point, folder / point.id)
