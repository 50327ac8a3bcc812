from collections.abc import Callable

import pytest

from contract.store_contract import MIB, StoreContract
from drkit.ports import Store
from drkit.stores import open_store
from servers.s3_server import S3Server


class S3Contract(StoreContract):
    def check_race(self, winners: list[int], size: int) -> None:
        """Neither of these servers heeds the condition when an upload in parts is completed."""
        assert len(winners) == 1 or (size > 8 * MIB and winners)


class TestS3StoreOnMoto(S3Contract):
    @pytest.fixture
    def store(self, moto_url: S3Server, place: Callable[[S3Server], str]) -> Store:
        return open_store(place(moto_url))


class TestS3StoreOnRadosgw(S3Contract):
    @pytest.fixture
    def store(self, radosgw_url: S3Server, place: Callable[[S3Server], str]) -> Store:
        return open_store(place(radosgw_url))


class TestS3StoreOnRadosgwOverTls(S3Contract):
    @pytest.fixture
    def store(self, radosgw_https_url: S3Server, place: Callable[[S3Server], str]) -> Store:
        return open_store(place(radosgw_https_url))
