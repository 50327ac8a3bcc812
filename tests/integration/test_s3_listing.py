"""What a listing of many points costs on S3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from drkit.catalog import make_id, manifest_key, survey
from drkit.stores import open_store
from servers.proxy import proxy_before
from servers.s3_server import S3Server

POINTS = 520


def test_a_survey_of_many_points_takes_one_request_for_a_thousand_keys_and_reads_no_object(
    moto_url: S3Server, bucket: Callable[..., str]
) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    with proxy_before(moto_url) as (proxy, seen):
        store = open_store(bucket(seen, "prod"))

        def put(number: int) -> None:
            key = manifest_key("shop/main", make_id(first + timedelta(hours=number), f"{number:08x}"))
            store.put(key.replace("manifest.json", "database.zst.age"), iter([b"sealed"]))
            store.put(key, iter([b"{}"]))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(POINTS)))
        proxy.seen.clear()
        listing = survey(store, "shop/main")
    assert len(listing.points) == POINTS
    assert len(proxy.seen) == 2
    assert all(line.startswith("GET ") and "list-type=2" in line for line in proxy.seen)
