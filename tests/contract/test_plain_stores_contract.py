from datetime import timedelta
from pathlib import Path

import pytest

from contract.flaky import FlakyStore
from contract.store_contract import StoreContract
from drkit.ports import Store
from drkit.stores import open_store
from drkit.stores.memory import MemoryStore
from drkit.stores.retrying import RetryingStore, RetryPolicy

SWIFT = RetryPolicy(attempts=4, first_delay=timedelta(microseconds=1), longest_delay=timedelta(microseconds=2))


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(f"file://{tmp_path}/not/there/yet")


class TestRetryingStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return RetryingStore(MemoryStore(), SWIFT)


class TestRetryingStoreAroundAFlakyOne(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return RetryingStore(FlakyStore(MemoryStore(), failures=3), SWIFT)
