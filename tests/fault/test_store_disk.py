"""A folder store whose disk refuses, and whose folders come and go under it."""

import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.store_contract import keys, soon
from drkit.errors import AlreadyExists, StoreError
from drkit.stores.local import LocalStore

FULL = """
import sys
from pathlib import Path
from drkit.errors import StoreError
from drkit.stores.local import LocalStore

try:
    LocalStore(Path(sys.argv[1])).put("big", iter([bytes(1 << 20)] * 8))
except StoreError as error:
    print(type(error).__name__, error, "|", error.hint)
"""


def test_a_disk_that_takes_no_more_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))

    child = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, preexec_fn=little_room, timeout=60
    )
    assert child.stdout.startswith("StoreError The disk refused big: File too large. | Raise the limit"), child.stderr
    assert keys(LocalStore(tmp_path)) == []
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_an_error_of_the_source_is_not_blamed_on_the_disk(tmp_path: Path) -> None:
    def unreadable():
        yield b"x"
        raise PermissionError("the source's own")

    with pytest.raises(PermissionError, match="the source's own"):
        LocalStore(tmp_path).put("k", unreadable())
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_a_store_that_is_no_folder_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError) as refused:
        LocalStore(tmp_path / "file").put("a/b", iter([b"x"]))
    assert refused.value.hint


def test_one_key_cannot_be_the_folder_of_another(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b", iter([b"x"]))
    for key in ("a", "a/b/c"):
        with pytest.raises(StoreError, match=key) as refused:
            store.put(key, iter([b"y"]))
        assert not isinstance(refused.value, AlreadyExists)
        assert "another name" in refused.value.hint
    assert keys(store) == ["a/b"]


def test_files_and_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        LocalStore(tmp_path / "store").put("a/b/c", iter([b"x"]))
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE((tmp_path / "store/a/b/c").stat().st_mode) == 0o600


def test_a_folder_left_empty_goes_and_one_in_use_stays(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for key in ("a/b/c/one", "a/b/two"):
        store.put(key, iter([b"x"]))
    store.delete(["a/b/c/one"])
    assert sorted(path.name for path in (tmp_path / "a/b").iterdir()) == ["two"]
    store.delete(["a/b/two"])
    assert [path.name for path in tmp_path.iterdir()] == [".incoming"]


def test_puts_succeed_while_others_delete_the_folder_under_them(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def put_and_delete(number: int) -> None:
        for turn in range(40):
            key = f"same/folder/{number}-{turn}"
            store.put(key, iter([b"x"]))
            store.delete([key])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_and_delete, range(8)))
    assert keys(store) == []
    assert [path.name for path in tmp_path.iterdir()] == [".incoming"]


def test_sweeping_takes_what_is_older_than_the_moment_and_nothing_else(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b", iter([b"x"]))
    old, young = tmp_path / ".incoming/old", tmp_path / ".incoming/young"
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(old, (long_ago, long_ago))
    os.utime(tmp_path / "a/b", (long_ago, long_ago))
    assert store.sweep(datetime.now(UTC) - timedelta(days=1)) == 1
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["young"]
    assert keys(store) == ["a/b"]
    assert store.sweep(soon()) == 1


def test_what_is_no_object_of_ours_is_not_listed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b", iter([b"x"]))
    (tmp_path / "a/a link").symlink_to(tmp_path / "a/b")
    (tmp_path / "a/link").symlink_to(tmp_path / "a/b")
    (tmp_path / "outside").symlink_to("/etc")
    (tmp_path / "with space").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    assert keys(store) == ["a/b"]


def test_the_order_of_a_listing_is_that_of_the_keys(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    places = [f"{system}/main/backups/{number:03}" for system in ("a", "a-", "b") for number in range(8)]
    names = [f"{place}/{piece}" for place in places for piece in "xy"]
    for name in names:
        store.put(name, iter([b""]))
    listed = keys(store, "a/main/backups/00")
    assert listed == sorted(name for name in names if name.startswith("a/"))
    assert keys(store) == sorted(names)
