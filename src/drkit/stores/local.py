"""A folder as a store: one file an object, put in place by link(2) after its bytes are on the disk.

It must not know what the keys mean.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from drkit.errors import AlreadyExists, NotFound, StoreError
from drkit.model import Entry
from drkit.ports import Chunks
from drkit.stores.disk import make_folder, refused, remove_empty, sync_folder, write_and_sync
from drkit.stores.keys import RESERVED, check_key
from drkit.stores.walk import walk

_CHUNK = 1 << 20
_TRIES = 100


class LocalStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / RESERVED

    def put(self, key: str, chunks: Chunks) -> None:
        check_key(key)
        target = self._folder / key
        if os.path.lexists(target):
            raise self._taken(key)
        temporary = self._incoming / secrets.token_hex(16)
        try:
            write_and_sync(temporary, chunks, key)
            with refused(key):
                self._publish(temporary, target, key)
        finally:
            with suppress(OSError):  # what cannot be removed now is left to a sweep
                temporary.unlink()

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        check_key(key)
        try:
            file = (self._folder / key).open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"There is no object {key} in {self._folder}.") from error
        except OSError as error:
            with refused(key):
                raise error from None
        with file:
            position = start
            file.seek(start)
            while end is None or position < end:
                with refused(key):
                    chunk = file.read(_CHUNK if end is None else min(_CHUNK, end - position))
                if not chunk:
                    return
                position += len(chunk)
                yield chunk

    def list(self, prefix: str = "") -> Iterator[Entry]:
        with refused(prefix or "the listing"):
            yield from walk(self._folder, prefix)

    def delete(self, keys: Iterable[str]) -> None:
        changed: set[Path] = set()
        for key in keys:
            check_key(key)
            path = self._folder / key
            with refused(key), suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
                changed.add(remove_empty(path.parent, self._folder))
        for folder in changed:
            with refused(str(folder)), suppress(FileNotFoundError):
                sync_folder(folder)

    def sweep(self, before: datetime) -> int:
        swept = 0
        with refused(RESERVED), suppress(FileNotFoundError):
            for entry in os.scandir(self._incoming):
                with suppress(FileNotFoundError):
                    if datetime.fromtimestamp(entry.stat().st_mtime, UTC) < before:
                        Path(entry).unlink()
                        swept += 1
        return swept

    def _publish(self, temporary: Path, target: Path, key: str) -> None:
        for _ in range(_TRIES):
            make_folder(target.parent)
            try:
                os.link(temporary, target)
            except FileNotFoundError:
                continue  # a delete found the folder empty just before the link, and took it away
            except FileExistsError as error:
                raise self._taken(key) from error
            break
        else:
            raise StoreError(
                f"{key} could not be put into {self._folder}: its folder or its bytes vanish again and again.",
                hint="See whether something else cleans up in there while drkit works.",
            )
        folder = target.parent
        while folder != self._folder.parent:
            # all of them: another put may have made one a moment ago and not be so far yet
            with suppress(FileNotFoundError):  # the object was deleted meanwhile, and its folder with it
                sync_folder(folder)
            folder = folder.parent

    def _taken(self, key: str) -> StoreError:
        if (self._folder / key).is_dir():
            return StoreError(
                f"{key} is a folder in {self._folder}, so it cannot be an object.",
                hint="In a folder one key cannot be the beginning of another; choose another name.",
            )
        return AlreadyExists(f"{key} exists already in {self._folder}.")
