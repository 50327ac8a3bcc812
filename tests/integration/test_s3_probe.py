"""What `probe` finds on real stores, and what S3 buckets with a will of their own do."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.store_contract import MIB, in_chunks, keys, pattern
from drkit.model import Lock
from drkit.ports import Store
from drkit.stores import open_store
from drkit.stores.lockprobe import probe_lock
from drkit.stores.memory import MemoryStore
from drkit.stores.probe import probe
from servers.proxy import Exchange, answer_error, proxy_before
from servers.s3_server import S3Server


def failed(store: Store) -> list[str]:
    return [finding.check for finding in probe(store, "t1") if not finding.passed]


def test_a_folder_and_memory_pass_and_keep_nothing_of_the_probe(tmp_path: Path) -> None:
    for store in (MemoryStore(), open_store(f"file://{tmp_path}")):
        store.put("a", iter([b"x"]))
        assert failed(store) == []
        assert keys(store) == ["a"]


@pytest.mark.parametrize("server", ["moto_url", "radosgw_url", "radosgw_https_url"])
def test_an_s3_server_passes_and_its_bucket_is_described(
    server: str, place: Callable[[S3Server], str], request: pytest.FixtureRequest
) -> None:
    store = open_store(place(request.getfixturevalue(server)))
    found = {finding.check: finding for finding in probe(store, "t1")}
    assert [finding.check for finding in found.values() if not finding.passed] == []
    assert "keeps no versions" in found["bucket versioning"].detail
    assert "cannot lock" in found["object lock"].detail
    assert keys(store) == []


@pytest.mark.parametrize(
    ("line", "check", "right"),
    [
        ("^PUT", "put an object", "s3:PutObject"),
        ("^GET .*list-type", "list objects", "s3:ListBucket"),
        ("^GET .*one$", "get an object", "s3:GetObject"),
        ("^(POST .*delete|DELETE)", "delete objects", "s3:DeleteObject"),
    ],
)
def test_a_right_that_is_missing_is_named_with_what_it_is_needed_for(
    line: str, check: str, right: str, moto_url: S3Server, place: Callable[[S3Server], str]
) -> None:
    with proxy_before(moto_url) as (proxy, seen):
        url = place(moto_url).replace(moto_url.endpoint.split(":")[2], seen.endpoint.split(":")[2])
        proxy.breaks(line, answer_error(403, "AccessDenied"), times=1000)
        bad = [finding for finding in probe(open_store(url), "t1") if not finding.passed]
    assert check in [finding.check for finding in bad]
    assert all(right in finding.hint for finding in bad)


def test_a_bucket_that_locks_each_object_is_written_to_and_described(
    moto_url: S3Server, bucket: Callable[..., str]
) -> None:
    url = bucket(moto_url, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    client = moto_url.client()
    client.put_object_lock_configuration(
        Bucket=url.split("/")[2], ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    client.close()
    store = open_store(url)
    body = pattern(20 * MIB)
    store.put("small", iter([b"x"]))
    store.put("large", in_chunks(body))
    assert b"".join(store.get("large")) == body
    found = {finding.check: finding.detail for finding in probe(store, "t1")}
    assert "keeps every version" in found["bucket versioning"]
    assert "for 3 days (GOVERNANCE)" in found["object lock"]


def test_a_listing_goes_on_after_a_thousand_keys(moto_url: S3Server, bucket: Callable[..., str]) -> None:
    url = bucket(moto_url, "prod")
    client = moto_url.client()
    for number in range(1003):
        client.put_object(Bucket=url.split("/")[2], Key=f"prod/{number:04}", Body=b"")
    client.put_object(Bucket=url.split("/")[2], Key="production", Body=b"")
    client.put_object(Bucket=url.split("/")[2], Key="prod/not plain", Body=b"")
    client.close()
    store = open_store(url)
    assert keys(store) == [f"{number:04}" for number in range(1003)]
    store.delete(keys(store))
    assert keys(store) == []


def test_a_bucket_that_is_not_there_is_said_to_be_missing(moto_url: S3Server, bucket: Callable[..., str]) -> None:
    url = bucket(moto_url).replace("drkit-", "nowhere-")
    (put, *rest) = probe(open_store(url), "t1")
    assert not put.passed
    assert "Create the bucket" in put.hint
    assert {finding.check for finding in rest} >= {"delete objects"}


def test_a_server_that_locks_and_lets_what_is_locked_be_removed_is_found_out(
    radosgw_url: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    def remove_all_the_same(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.answer(200, [("Content-Type", "application/xml")], b"<DeleteResult/>")

    use_server(radosgw_url)
    with proxy_before(radosgw_url) as (proxy, near):
        name = radosgw_url.new_bucket(ObjectLockEnabledForBucket=True)
        store = open_store(near.url(name, "prod"))

        def probe_once(token: str) -> list[tuple[str, bool]]:
            found = probe_lock(store, Lock("governance", 3), token, lambda: datetime.now(UTC))
            return [(each.check, each.passed) for each in found]

        assert probe_once("a")[-1] == ("what is locked cannot be removed", True)
        proxy.breaks("^POST .*delete", remove_all_the_same)
        assert probe_once("b")[-1] == ("what is locked cannot be removed", False)
