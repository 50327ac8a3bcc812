"""A network and servers that fail in the ways they do, by a proxy in front of a real server."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import boto3
import pytest
from botocore.config import Config

from contract.store_contract import MIB, in_chunks, keys, pattern, soon
from drkit.errors import AlreadyExists, NotFound, StoreError, StoreUnavailable
from drkit.stores import open_store
from drkit.stores.retrying import RetryingStore, RetryPolicy
from drkit.stores.s3 import S3Store, open_s3
from servers.proxy import (
    Exchange,
    Proxy,
    answer_error,
    cut_body_after,
    cut_request_after,
    forward,
    proxy_before,
    stall,
    swallow_answer,
)
from servers.s3_server import S3Server

PATIENT = RetryPolicy(attempts=21, first_delay=timedelta(microseconds=10), longest_delay=timedelta(microseconds=50))
TINY, SMALL, LARGE = pattern(1000), pattern(100_000), pattern(20 * MIB)


class Faulty(NamedTuple):
    store: RetryingStore
    proxy: Proxy
    server: S3Server
    url: str


@pytest.fixture
def faulty(moto_url: S3Server, bucket: Callable[..., str]) -> Iterator[Faulty]:
    with proxy_before(moto_url) as (proxy, seen):
        url = bucket(seen, "prod")
        proxy.seen.clear()
        yield Faulty(RetryingStore(open_s3(url, PATIENT), PATIENT), proxy, moto_url, url)


@pytest.fixture
def faulty_radosgw(radosgw_url: S3Server, bucket: Callable[..., str]) -> Iterator[Faulty]:
    with proxy_before(radosgw_url) as (proxy, seen):
        url = bucket(seen, "prod")
        yield Faulty(RetryingStore(open_s3(url, PATIENT), PATIENT), proxy, radosgw_url, url)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_a_put_succeeds_after_each_request_was_told_twenty_times_to_slow_down(faulty: Faulty, body: bytes) -> None:
    slow = [
        faulty.proxy.breaks(request, answer_error(503, "SlowDown"), times=20)
        for request in ("^HEAD", "^POST .*uploads", "^PUT .*partNumber=2", "^PUT .*/k$", "^POST .*uploadId")
    ]
    faulty.store.put("k", in_chunks(body))
    assert sum(fault.met for fault in slow) == (40 if body is SMALL else 80)
    assert b"".join(faulty.store.get("k")) == body


def test_reading_succeeds_after_twenty_times_slow_down(faulty: Faulty) -> None:
    faulty.store.put("k", iter([SMALL]))
    for request in ("^GET .*/k$", "^GET .*list-type", "^POST .*delete"):
        faulty.proxy.breaks(request, answer_error(503, "SlowDown"), times=20)
    assert keys(faulty.store) == ["k"]
    assert b"".join(faulty.store.get("k")) == SMALL
    faulty.store.delete(["k"])
    assert keys(faulty.store) == []


def test_a_server_that_stays_unavailable_ends_a_put_cleanly(faulty: Faulty) -> None:
    fault = faulty.proxy.breaks("partNumber=1", answer_error(503, "SlowDown"), times=1000)
    with pytest.raises(StoreUnavailable) as gave_up:
        faulty.store.put("k", in_chunks(LARGE))
    assert fault.met == PATIENT.attempts
    assert gave_up.value.hint
    assert keys(faulty.store) == []
    assert faulty.store.sweep(soon()) == 0


@pytest.mark.parametrize(
    ("body", "line"),
    [(SMALL, "^PUT .*/k$"), (LARGE, "partNumber=1"), (LARGE, "^POST .*uploadId"), (LARGE, "^POST .*uploads")],
    ids=["put", "part", "complete", "create"],
)
def test_a_put_whose_answer_is_lost_succeeds_and_is_whole(faulty: Faulty, body: bytes, line: str) -> None:
    fault = faulty.proxy.breaks(line, swallow_answer)
    faulty.store.put("k", in_chunks(body))
    assert fault.met == 1
    assert b"".join(faulty.store.get("k")) == body


@pytest.mark.parametrize(
    ("body", "line"),
    [(SMALL, "^PUT .*/k$"), (LARGE, "partNumber=1"), (LARGE, "^POST .*uploadId")],
    ids=["put", "part", "complete"],
)
def test_the_same_holds_for_ceph(faulty_radosgw: Faulty, body: bytes, line: str) -> None:
    fault = faulty_radosgw.proxy.breaks(line, swallow_answer, times=2)
    faulty_radosgw.store.put("k", in_chunks(body))
    assert fault.met >= 1
    assert b"".join(faulty_radosgw.store.get("k")) == body
    assert faulty_radosgw.store.sweep(soon()) == 0


def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_client_was_told(faulty: Faulty) -> None:
    impatient = Config(read_timeout=1, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    bucket = faulty.url.split("/")[2]
    endpoint = faulty.url.split("endpoint_url=")[1].replace("%3A", ":").replace("%2F", "/")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=impatient)
    fault = faulty.proxy.breaks("^PUT .*/k$", stall)
    S3Store(client, bucket, "prod", PATIENT).put("k", iter([SMALL]))
    assert fault.met == 1
    assert b"".join(faulty.store.get("k")) == SMALL
    client.close()


def test_a_put_that_loses_to_another_while_its_answer_is_lost_says_so(faulty: Faulty) -> None:
    def lose(exchange: object) -> None:
        faulty.server.client().put_object(Bucket=faulty.url.split("/")[2], Key="prod/k", Body=b"theirs")
        answer_error(503, "SlowDown")(exchange)  # type: ignore[arg-type]

    faulty.proxy.breaks("^PUT .*/k$", lose)
    with pytest.raises(AlreadyExists):
        faulty.store.put("k", iter([SMALL]))
    assert b"".join(faulty.store.get("k")) == b"theirs"


@pytest.mark.parametrize("line", ["^PUT .*/k$", "partNumber=2"], ids=["put", "part"])
def test_a_line_that_is_cut_in_mid_upload_is_tried_again(faulty: Faulty, line: str) -> None:
    body = SMALL if "/k" in line else LARGE
    fault = faulty.proxy.breaks(line, cut_request_after(50_000), times=3)
    faulty.store.put("k", in_chunks(body))
    assert fault.met == 3
    assert b"".join(faulty.store.get("k")) == body


def test_a_get_that_is_cut_goes_on_where_it_was(faulty: Faulty) -> None:
    faulty.store.put("k", in_chunks(LARGE))
    fault = faulty.proxy.breaks("^GET .*/k$", cut_body_after(3 * MIB + 17), times=4)
    assert b"".join(faulty.store.get("k")) == LARGE
    assert fault.met == 4
    assert b"".join(faulty.store.get("k", 5, 9 * MIB)) == LARGE[5 : 9 * MIB]


def test_a_body_cut_short_is_an_error_without_retries(faulty: Faulty) -> None:
    faulty.store.put("k", in_chunks(LARGE))
    faulty.proxy.breaks("^GET .*/k$", cut_body_after(3 * MIB + 17), times=100)
    with pytest.raises(StoreUnavailable):
        list(open_s3(faulty.url).get("k"))


def test_status_200_with_an_error_in_its_body_is_a_failure(faulty: Faulty) -> None:
    faulty.proxy.breaks("^POST .*uploadId", answer_error(200, "InternalError"), times=1000)
    with pytest.raises(StoreUnavailable, match="InternalError"):
        faulty.store.put("k", in_chunks(LARGE))
    assert keys(faulty.store) == []
    assert faulty.store.sweep(soon()) == 0


def test_status_200_with_an_error_in_its_body_is_tried_again(faulty: Faulty) -> None:
    faulty.proxy.breaks("^POST .*uploadId", answer_error(200, "InternalError"), times=2)
    faulty.store.put("k", in_chunks(LARGE))
    assert b"".join(faulty.store.get("k")) == LARGE


@pytest.mark.parametrize(("body", "line"), [(SMALL, "^PUT .*/k$"), (LARGE, "^POST .*uploadId")], ids=["small", "large"])
def test_a_server_without_conditional_puts_is_written_to_all_the_same(faulty: Faulty, body: bytes, line: str) -> None:
    fault = faulty.proxy.breaks(line, answer_error(501, "NotImplemented"))
    faulty.store.put("k", in_chunks(body))
    assert fault.met == 1
    assert b"".join(faulty.store.get("k")) == body
    with pytest.raises(AlreadyExists):
        faulty.store.put("k", iter([b"x"]))


def test_a_server_that_refuses_batches_gets_single_deletes(faulty: Faulty) -> None:
    for key in ("a", "b"):
        faulty.store.put(key, iter([b"x"]))
    faulty.proxy.breaks("^POST .*delete", answer_error(400, "InvalidRequest"), times=100)
    faulty.store.delete(["a", "b", "c"])
    assert keys(faulty.store) == []


def test_a_role_that_may_only_write_can_put(faulty: Faulty) -> None:
    faulty.proxy.breaks("^(HEAD|GET)", answer_error(403, "AccessDenied"), times=2)
    faulty.store.put("k", iter([SMALL]))
    with pytest.raises(StoreError, match="may not do GetObject") as denied:
        list(faulty.store.get("k"))
    assert "s3:GetObject" in denied.value.hint
    assert b"".join(faulty.store.get("k")) == SMALL


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "RequestTimeTooSkewed", "clock"),
        (400, "ExpiredToken", "Renew"),
        (403, "InvalidAccessKeyId", "access key"),
        (403, "SignatureDoesNotMatch", "secret"),
        (404, "NoSuchBucket", "Create the bucket"),
        (418, "Teapot", "drkit check"),
    ],
)
def test_each_refusal_comes_with_the_next_step_and_without_secrets(
    faulty: Faulty, status: int, code: str, words: str
) -> None:
    faulty.proxy.breaks("list-type", answer_error(status, code), times=1000)
    with pytest.raises(StoreError) as refused:
        keys(faulty.store)
    assert words in refused.value.hint
    assert "testsecret" not in f"{refused.value} {refused.value.hint}"
    assert isinstance(refused.value, StoreUnavailable) == (code == "RequestTimeTooSkewed")
    assert not isinstance(refused.value, NotFound)


KILLED = """
import sys
from drkit.stores import open_store

def chunks():
    for number in range(4):
        yield bytes(8 << 20)
    print("between parts", flush=True)
    sys.stdin.read()

open_store(sys.argv[1]).put("k", chunks())
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
@pytest.mark.parametrize("kind", ["file", "radosgw"])
def test_a_put_that_is_killed_between_parts_leaves_no_object_and_at_most_what_a_sweep_takes(
    sign: signal.Signals, kind: str, radosgw_url: S3Server, bucket: Callable[..., str], tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/store" if kind == "file" else bucket(radosgw_url, "prod")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"between parts\n"
        child.send_signal(sign)
        child.wait(90)  # a part that was sent whole waits for its answer, for 60 s at most
    store = open_store(url)
    assert keys(store) == []
    assert store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.sweep(soon()) == (1 if sign == signal.SIGKILL else 0)
    assert store.sweep(soon()) == 0
    store.put("k", iter([b"again"]))
    assert b"".join(store.get("k")) == b"again"


def test_ctrl_c_does_not_wait_for_parts_that_are_tried_again_and_again(faulty: Faulty) -> None:
    fault = faulty.proxy.breaks("partNumber", answer_error(503, "SlowDown"), times=10_000)
    slow = RetryPolicy(attempts=100, first_delay=timedelta(hours=1), longest_delay=timedelta(hours=1))

    def interrupted() -> Iterator[bytes]:
        yield from in_chunks(LARGE)
        while not fault.met:
            pass
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_s3(faulty.url, slow).put("k", interrupted())
    assert faulty.store.sweep(soon()) == 0


def test_a_server_that_refuses_what_is_taken_is_not_asked_before_every_small_put(faulty: Faulty) -> None:
    for number in range(20):
        faulty.store.put(f"k{number}", iter([TINY]))
    assert sum(line.startswith("HEAD") for line in faulty.proxy.seen) < 10
    with pytest.raises(AlreadyExists):
        faulty.store.put("k3", iter([b"another"]))
    assert b"".join(faulty.store.get("k3")) == TINY


def test_a_server_that_ignores_the_condition_is_asked_before_every_put(faulty: Faulty) -> None:
    def ignore(exchange: Exchange) -> None:
        del exchange.headers["If-None-Match"]
        forward(exchange)

    faulty.proxy.breaks("^PUT ", ignore, times=1000)
    for number in range(20):
        faulty.store.put(f"k{number}", iter([TINY]))
    assert sum(line.startswith("HEAD") for line in faulty.proxy.seen) == 20
    with pytest.raises(AlreadyExists):
        faulty.store.put("k3", iter([b"another"]))
    assert b"".join(faulty.store.get("k3")) == TINY
