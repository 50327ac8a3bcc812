from collections.abc import Callable

import pytest
from contract.store_contract import StoreContract
from servers.s3_server import S3Server

from drkit.ports import Store
from drkit.stores import open_store


class TestS3StoreOnMoto(StoreContract):
    @pytest.fixture
    def store(self, moto_url: S3Server, bucket: Callable[..., str]) -> Store:
        return open_store(bucket(moto_url, "prod/eu"))


class TestS3StoreOnRadosgw(StoreContract):
    @pytest.fixture
    def store(self, radosgw_url: S3Server, bucket: Callable[..., str]) -> Store:
        return open_store(bucket(radosgw_url))


class TestS3StoreOnRadosgwOverTls(StoreContract):
    @pytest.fixture
    def store(self, radosgw_https_url: S3Server, bucket: Callable[..., str]) -> Store:
        return open_store(bucket(radosgw_https_url, "prod"))
