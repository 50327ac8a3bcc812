"""Requests that were signed too long ago, or with credentials that have expired in the middle of a backup."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from contract.store_contract import MIB, pattern
from drkit.stores import open_store
from fault_gate import Gate
from fault_system import DOCS, FaultSystem, answer_of, make_system
from patience import PATIENCE
from servers.proxy import Exchange, Proxy, answer_error, forward, proxy_before
from servers.s3_server import S3Server

BIG = 9_000_000  # two parts
EXPIRED = answer_error(400, "ExpiredToken")


@pytest.fixture
def near_s3(tmp_path: Path, moto_url: S3Server, use_server):
    use_server(moto_url)
    with proxy_before(moto_url) as (proxy, near):
        yield proxy, make_system(tmp_path / "shop", near.url(moto_url.new_bucket(), "prod"), size=BIG)


def signed_at(exchange: Exchange) -> datetime:
    return datetime.strptime(exchange.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def test_a_part_whose_source_was_slow_is_signed_once_it_is_full(moto_url: S3Server, bucket: Callable[..., str]) -> None:
    with proxy_before(moto_url) as (proxy, near):
        signed: list[datetime] = []

        def note(exchange: Exchange) -> None:
            signed.append(signed_at(exchange))
            forward(exchange)

        proxy.breaks("partNumber=1", note)
        given: list[datetime] = []

        def slowly() -> Iterator[bytes]:
            """The first part is begun, and goes on when a signature of its beginning would be seconds old."""
            yield pattern(MIB)
            begun = datetime.now(UTC)
            while datetime.now(UTC) < begun + timedelta(seconds=2):
                sleep(0.05)
            given.append(datetime.now(UTC))
            for _ in range(20):
                yield pattern(MIB)

        store = open_store(bucket(near, "prod"))
        store.put("k", slowly())
        assert signed[0] >= given[0].replace(microsecond=0)
        assert sum(map(len, store.get("k"))) == 21 * MIB


def test_an_upload_that_crawls_until_its_signature_is_too_old_is_signed_anew(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    """At 1 kB/s, until the server says what it says of a signature that is a quarter of an hour old."""
    proxy, system = near_s3
    signed: list[datetime] = []

    def crawl(exchange: Exchange) -> None:
        signed.append(signed_at(exchange))
        rest = int(exchange.headers["Content-Length"])
        while datetime.now(UTC) < signed[-1] + timedelta(seconds=3):
            rest -= len(exchange.rfile.read(200))
            sleep(0.2)
        exchange.rfile.read(rest)
        exchange.answer(403, [("Content-Type", "application/xml")], TOO_SKEWED)

    def note(exchange: Exchange) -> None:
        signed.append(signed_at(exchange))
        forward(exchange)

    proxy.breaks("PUT .*partNumber=1", crawl)
    proxy.breaks("PUT .*partNumber=1", note)
    done = system.run("backup", "now", DOCS, "--json")
    assert done.code == 0, done.error
    first, second = signed
    assert second >= first + timedelta(seconds=3)
    [point] = system.points(DOCS)
    assert system.is_whole(point, tmp_path / "docs")


TOO_SKEWED = (
    b'<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code>'
    b"<Message>The difference between the request time and the current time is too large.</Message></Error>"
)


def test_credentials_that_expire_for_good_in_mid_backup_end_it_cleanly(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    proxy, system = near_s3
    proxy.breaks("PUT .*partNumber=2", EXPIRED, times=1000)
    expired = proxy.breaks("POST .*uploadId", EXPIRED, times=1000)
    done = system.run("backup", "now", DOCS, "--json")
    assert done.code == 5
    assert "have expired" in done.error and "Renew them" in done.error
    assert expired.met == 0, "what was not stored whole is not asked for"
    assert system.points(DOCS) == []
    proxy.heals()
    assert system.run("backup", "now", DOCS).code == 0
    [point] = system.points(DOCS)
    assert system.is_whole(point, tmp_path / "docs")


def test_credentials_that_can_be_renewed_are_renewed_in_mid_backup(
    tmp_path: Path, near_s3: tuple[Proxy, FaultSystem]
) -> None:
    """As a role's are: a program gives them, each with a time at which they end."""
    proxy, system = near_s3
    issuer = Issuer(tmp_path)
    gate, refused = Gate(), []

    def refuse_the_first(exchange: Exchange) -> None:
        if "Credential=SECOND/" not in exchange.headers["Authorization"]:
            refused.append(exchange.path)
            EXPIRED(exchange)
        else:
            forward(exchange)

    proxy.breaks("POST .*files.*uploadId", gate.before)
    aws = {"AWS_CONFIG_FILE": str(issuer.config), "AWS_PROFILE": "issued", "AWS_ACCESS_KEY_ID": ""}
    with system.with_environment(**aws).running("backup", "now", DOCS, "--json") as child:
        assert gate.reached.wait(PATIENCE)
        issuer.issue("SECOND")
        late = proxy.breaks("", refuse_the_first, times=1000)
        gate.let_through()
        done = answer_of(child)
    assert done.code == 0, done.err
    assert late.met > 2
    assert refused == []
    proxy.heals()
    [point] = system.points(DOCS)
    assert system.is_whole(point, tmp_path / "docs")


class Issuer:
    """A profile whose credentials end within minutes, so that each request looks for newer ones."""

    def __init__(self, folder: Path) -> None:
        self._answer = folder / "issued.json"
        self.config = folder / "aws-config"
        program = f"import pathlib; print(pathlib.Path({str(self._answer)!r}).read_text())"
        script = folder / "issuer.py"
        script.write_text(program)
        self.config.write_text(f"[profile issued]\ncredential_process = {sys.executable} {script}\n")
        self.issue("FIRST")

    def issue(self, key: str) -> None:
        ends = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        told = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": ends}
        beside = self._answer.with_suffix(".new")
        beside.write_text(json.dumps(told))
        beside.rename(self._answer)
