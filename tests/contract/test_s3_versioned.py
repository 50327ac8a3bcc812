"""Buckets that keep versions and can lock. radosgw is the judge of locks: moto answers 500 where an object
has none, and forbids less than others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contract.versioned_contract import LockContract, VersionedContract
from drkit.ports import Store, find_versioned
from drkit.stores import open_store
from drkit.stores.memory import MemoryStore
from servers.s3_server import S3Server


class TestVersionsOnMoto(VersionedContract):
    @pytest.fixture
    def store(self, moto_url: S3Server, bucket: Callable[..., str]) -> Store:
        return open_store(bucket(moto_url, "prod", ObjectLockEnabledForBucket=True))


class TestVersionsAndLocksOnRadosgw(VersionedContract, LockContract):
    @pytest.fixture
    def store(self, radosgw_url: S3Server, bucket: Callable[..., str]) -> Store:
        return open_store(bucket(radosgw_url, "prod", ObjectLockEnabledForBucket=True))


@pytest.mark.parametrize("server", ["moto_url", "radosgw_url"])
def test_a_bucket_without_versions_keeps_none(
    server: str, place: Callable[[S3Server], str], request: pytest.FixtureRequest
) -> None:
    assert find_versioned(open_store(place(request.getfixturevalue(server)))) is None


def test_folders_and_memory_keep_none(tmp_path: Path) -> None:
    assert find_versioned(open_store(f"file://{tmp_path}")) is None
    assert find_versioned(MemoryStore()) is None
