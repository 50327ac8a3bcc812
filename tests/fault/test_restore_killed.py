"""kill -9 in a restore: the target's name is free or what it names is whole, and running it again is safe."""

from pathlib import Path

import pytest

from fault_gate import Gate
from fault_system import BOOKS, DOCS, make_system, wait_for
from patience import PATIENCE
from servers.proxy import proxy_before
from servers.s3_server import S3Server

SIZE = 12_000_000


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_killed_restore_of_files_leaves_no_target_and_can_be_run_again(tmp_path: Path, share: float) -> None:
    system = make_system(tmp_path / "shop", size=SIZE)
    system.back_up(DOCS)
    target = tmp_path / "docs"
    growing = tmp_path / "docs.drkit-partial" / "big.bin"
    with system.running("restore", DOCS, "--to", target) as child:
        wait_for(lambda: growing.exists() and growing.stat().st_size >= share * SIZE, child)
    assert (child.returncode == -9 and growing.parent.exists()) or child.returncode == 0
    if target.exists():
        assert system.holds(DOCS, target)
    else:
        assert system.run("restore", DOCS, "--to", target).code == 0
        assert system.holds(DOCS, target)
    assert not growing.parent.exists()


def test_a_killed_restore_of_a_database_leaves_no_target_and_can_be_run_again(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", orders=8000)
    system.back_up(BOOKS)
    target = tmp_path / "shop.db"
    with system.running("restore", BOOKS, "--to", target) as child:
        wait_for((tmp_path / "shop.db.drkit-partial").exists, child)
    if not target.exists():
        assert system.run("restore", BOOKS, "--to", target).code == 0
    assert system.holds(BOOKS, target)
    assert not (tmp_path / "shop.db.drkit-partial").exists()


@pytest.mark.parametrize("get", [1, 3, 5], ids=["the manifest", "the first look", "the data"])
def test_a_restore_from_s3_killed_at_any_of_its_reads_can_be_run_again(
    tmp_path: Path, moto_url: S3Server, use_server, get: int
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", near.url(bucket, "prod"))
        system.back_up(DOCS)
        [point] = system.points(DOCS)
        gate, target = Gate(), tmp_path / "docs"
        proxy.breaks("GET .*(age|json)", Gate.open().before, times=get - 1)
        proxy.breaks("GET .*(age|json)", gate.before)
        with system.running("restore", DOCS, "--to", target) as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        assert not target.exists()
        assert system.is_whole(point, target)
        assert not (tmp_path / "docs.drkit-partial").exists()
