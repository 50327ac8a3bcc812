"""Backup and restore with an S3 server that is overloaded, gone, or loses answers."""

from datetime import timedelta
from pathlib import Path

import pytest

from drkit.backup import back_up
from drkit.errors import StoreUnavailable
from drkit.keyring import open_seal
from drkit.stores.retrying import RetryingStore, RetryPolicy
from drkit.stores.s3.opening import open_s3
from fault_system import DOCS, FaultSystem, make_system, utc_now
from servers.proxy import Proxy, answer_error, cut_body_after, proxy_before, swallow_answer
from servers.s3_server import S3Server

BIG = 9_000_000  # two parts
SLOW_DOWN = answer_error(503, "SlowDown")


@pytest.fixture
def near_s3(tmp_path: Path, moto_url: S3Server, use_server):
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near):
        yield proxy, make_system(tmp_path / "shop", near.url(moto_url.new_bucket(), "prod"), size=BIG)


def test_a_backup_and_a_restore_get_through_twenty_times_slow_down(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    proxy, system = near_s3
    requests = ["HEAD .*files", "POST .*uploads", "PUT .*partNumber=1", "POST .*uploadId", "PUT .*index"]
    requests += ["PUT .*manifest", "GET .*list-type", "GET .*manifest", "GET .*files", "GET .*index"]
    faults = [proxy.breaks(pattern, SLOW_DOWN, times=2) for pattern in requests]
    assert system.run("backup", "now", DOCS).code == 0
    assert system.run("restore", DOCS, "--to", tmp_path / "docs").code == 0
    assert sum(fault.met for fault in faults) == 20
    assert system.holds(DOCS, tmp_path / "docs")


def test_a_server_that_is_down_for_good_is_given_up_after_as_many_attempts_as_the_policy_says(
    near_s3: tuple[Proxy, FaultSystem],
) -> None:
    proxy, system = near_s3
    down = proxy.breaks("", SLOW_DOWN, times=1000)
    source = system.source(DOCS)
    policy = RetryPolicy(attempts=4, first_delay=timedelta(milliseconds=10))
    store = RetryingStore(open_s3(source.store_url(), policy), policy)
    with pytest.raises(StoreUnavailable, match=r"files\.zst\.age") as failure:
        back_up(DOCS, source.engine(), store, open_seal(source.system), utc_now, "00000000", "a test")
    assert failure.value.exit_code == 5 and failure.value.hint
    assert down.met == policy.attempts


def test_a_server_that_refuses_for_good_ends_with_5_at_once(near_s3: tuple[Proxy, FaultSystem]) -> None:
    proxy, system = near_s3
    denied = proxy.breaks("PUT ", answer_error(403, "AccessDenied"), times=1000)
    done = system.run("backup", "now", DOCS, "--json")
    assert done.code == 5 and "s3:PutObject" in done.error
    assert denied.met <= 4, "parts in flight may meet it each, and none of them asks again"
    assert system.points(DOCS) == []


@pytest.mark.parametrize(
    "pattern",
    ["PUT .*partNumber=2", "POST .*uploadId", "PUT .*index", "PUT .*manifest"],
)
def test_an_answer_that_is_lost_after_the_server_has_done_its_work_makes_one_whole_backup(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem], pattern: str
) -> None:
    proxy, system = near_s3
    lost = proxy.breaks(pattern, swallow_answer)
    done = system.run("backup", "now", DOCS, "--json")
    assert done.code == 0 and lost.met == 1, done.error
    [point] = system.points(DOCS)
    assert point.id == done.document["backups"][0]["id"]
    assert system.is_whole(point, tmp_path / "docs")


def test_a_restore_goes_on_where_its_line_was_cut(tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]) -> None:
    proxy, system = near_s3
    system.back_up(DOCS)
    asked = len(proxy.seen)
    cuts = [proxy.breaks("GET .*files", cut_body_after(size)) for size in (200_000, 3_000_000, 1_500_000)]
    done = system.run("restore", DOCS, "--to", tmp_path / "docs")
    assert done.code == 0, done.error
    assert [cut.met for cut in cuts] == [1, 1, 1]
    assert system.holds(DOCS, tmp_path / "docs")
    assert len([line for line in proxy.seen[asked:] if line.startswith("GET") and "files.zst.age" in line]) <= 6
