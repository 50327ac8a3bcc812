"""The marks by which a restore tells what it reads, for as long as it takes."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drkit import catalog
from drkit.restore.reading import reading
from drkit.stores.local import LocalStore
from manifests import manifest_of, put_backup
from patience import await_true

SOURCE = "shop/main"
OFTEN = timedelta(milliseconds=10)


def keys(store: LocalStore) -> set[str]:
    return {entry.key for entry in store.list(f"{SOURCE}/reading/")}


def is_known(store: LocalStore, backup_id: str) -> bool:
    return backup_id in catalog.find_reading(store, SOURCE, datetime.now(UTC) - catalog.COUNTS).backups


def test_what_takes_longer_than_a_day_is_said_again_before_the_day_is_over_and_nothing_stays(tmp_path: Path) -> None:
    store, manifest = LocalStore(tmp_path), manifest_of()
    put_backup(store, manifest)
    before = (datetime.now(UTC) - 2 * catalog.COUNTS).timestamp()
    with reading(store, [manifest], OFTEN):
        for _ in range(3):
            first = keys(store)
            for key in first:
                with suppress(FileNotFoundError):  # said again meanwhile
                    os.utime(tmp_path / key, (before, before))
            await_true(lambda: is_known(store, manifest.id) and not first & keys(store))  # noqa: B023
    assert keys(store) == set()


def test_a_store_that_took_no_mark_is_told_until_it_takes_one(tmp_path: Path) -> None:
    store, manifest = LocalStore(tmp_path), manifest_of()
    put_backup(store, manifest)
    (tmp_path / SOURCE / "reading").touch()  # where a folder belongs
    with reading(store, [manifest], OFTEN) as said:
        assert "the store does not take a mark" in said.unsaid
        assert not is_known(store, manifest.id)
        (tmp_path / SOURCE / "reading").unlink()
        await_true(lambda: is_known(store, manifest.id) and not said.unsaid)
    assert keys(store) == set()
