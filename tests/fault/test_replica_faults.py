"""A replica that fails in mid-copy, a copy that is killed there, and a store that is down when a restore needs it."""

import json
import signal
from pathlib import Path

import pytest

from drkit.catalog import survey
from drkit.stores import open_store
from fault_gate import Gate
from fault_system import DOCS, Answer, FaultSystem, make_system, wait_for
from patience import PATIENCE
from servers.proxy import answer_error, proxy_before
from servers.s3_server import S3Server

BIG = 9_000_000  # two parts
LONG = 120.0

MOMENTS = {
    "an upload in parts was begun": ("POST .*files.*uploads", "after", 0),
    "after the second part": ("PUT .*files.*partNumber=2", "after", 0),
    "before the parts are completed": ("POST .*files.*uploadId", "before", 0),
    "before the second piece": ("PUT .*index", "before", 0),
    "before the manifest": ("PUT .*manifest", "before", 0),
    "after the manifest": ("PUT .*manifest", "after", 1),
}


def add_replica(system: FaultSystem, url: str) -> None:
    system.edit("[encryption]", f'replica = "{url}"\n[encryption]')


def expect_whole_replica(system: FaultSystem, url: str, folder: Path, *counts: int) -> None:
    replica = open_store(url)
    points = survey(replica, DOCS).points
    assert len(points) in counts
    folder.mkdir()
    for point in points:
        target = folder / point.id
        system.restore(point, target, replica)
        assert system.holds(DOCS, target)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_copy_lists_only_whole_points_and_the_next_one_goes_on(
    tmp_path: Path, moto_url: S3Server, use_server, moment: str
) -> None:
    pattern, side, listed = MOMENTS[moment]
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    url = moto_url.url(bucket, "dr")
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", size=BIG)
        system.back_up(DOCS)
        add_replica(system, near.url(bucket, "dr"))
        gate = Gate()
        proxy.breaks(pattern, getattr(gate, side))
        with system.running("replicate", DOCS) as child:
            assert gate.reached.wait(PATIENCE)
            child.kill()
            child.wait()
            gate.drop()
        expect_whole_replica(system, url, tmp_path / "then", listed)
        done = system.run("replicate", "--json", DOCS)
        assert done.code == 0, done
        assert len(done.document["replicas"][0]["points"]) == 1 - listed
        expect_whole_replica(system, url, tmp_path / "later", 1)


def test_a_copy_to_a_folder_that_is_killed_in_mid_piece_is_taken_up_again(tmp_path: Path) -> None:
    system = make_system(tmp_path / "shop", size=40_000_000)
    system.back_up(DOCS)
    replica = tmp_path / "replica"
    add_replica(system, replica.as_uri())
    with system.running("replicate", DOCS) as child:
        assert wait_for(lambda: any(replica.rglob("*")) and any((replica / ".incoming").iterdir()), child)
        child.kill()
    expect_whole_replica(system, replica.as_uri(), tmp_path / "then", 0)
    assert system.run("replicate", DOCS).code == 0
    expect_whole_replica(system, replica.as_uri(), tmp_path / "later", 1)


def test_a_copy_that_is_interrupted_ends_soon_with_130_and_leaves_no_upload(
    tmp_path: Path, moto_url: S3Server, use_server
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", size=BIG)
        system.back_up(DOCS)
        add_replica(system, near.url(bucket, "dr"))
        gate = Gate()
        proxy.breaks("PUT .*files.*partNumber=1", gate.after)
        with system.running("replicate", DOCS) as child:
            assert gate.reached.wait(PATIENCE)
            child.send_signal(signal.SIGTERM)
            gate.let_through()
            child.communicate(timeout=LONG)
            assert child.returncode == 130
    client = moto_url.client()
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    client.close()
    expect_whole_replica(system, moto_url.url(bucket, "dr"), tmp_path / "then", 0, 1)


@pytest.mark.parametrize("pattern", ["list-type", "PUT .*index", "PUT .*manifest"])
def test_a_replica_that_goes_down_in_mid_copy_fails_no_backup_and_the_next_one_catches_up(
    tmp_path: Path, moto_url: S3Server, use_server, pattern: str
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    url = moto_url.url(bucket, "dr")
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", size=BIG)
        add_replica(system, near.url(bucket, "dr"))
        assert system.run("backup", "now", DOCS).code == 0
        fault = proxy.breaks(pattern, answer_error(503, "SlowDown"), times=10**6)
        done = system.run("backup", "now", "--json", DOCS)
        assert done.code == 0, done
        [made] = done.document["backups"]
        assert made["replicated"] is False
        [warning] = [line for line in map(json.loads, done.err.splitlines()) if line["level"] == "warning"]
        assert "was captured, and not copied to the replica" in warning["message"]
        expect_whole_replica(system, url, tmp_path / "then", 1)
        fault.times = 0
        done = system.run("backup", "now", "--json", DOCS)
        assert done.document["backups"][0]["replicated"] is True
        expect_whole_replica(system, url, tmp_path / "later", 3)


def test_where_the_store_is_down_a_restore_takes_the_replica_and_says_so_loudly(
    tmp_path: Path, moto_url: S3Server, use_server
) -> None:
    use_server(moto_url)
    bucket = moto_url.new_bucket()
    replica = tmp_path / "replica"
    with proxy_before(moto_url) as (proxy, near):
        system = make_system(tmp_path / "shop", near.url(bucket, "prod"), size=1000)
        add_replica(system, replica.as_uri())
        assert system.run("backup", "now", DOCS).code == 0
        proxy.breaks("", answer_error(503, "ServiceUnavailable"), times=10**6)
        child = system.start("restore", DOCS, "--to", tmp_path / "restored", "--json")
        out, err = child.communicate(timeout=LONG)
    done = Answer(child.returncode, out, err)
    assert done.code == 0, done
    assert done.document["from"] == "replica"
    said = [line["message"] for line in map(json.loads, err.splitlines()) if line["level"] == "warning"]
    assert "CANNOT BE REACHED" in said[0]
    assert said[1] == f"{DOCS}: THIS IS FROM the replica {replica.as_uri()}, which may lack the newest points"
    assert system.holds(DOCS, tmp_path / "restored")
