"""Locks on objects: set, seen to be there, made longer, never shorter.

Some servers forget a lock that is asked for at the beginning of an upload in parts (Ceph's radosgw does), so nothing is
believed that was not read back.
"""

from datetime import datetime, timedelta
from typing import Any

from drkit.errors import NotFound, StoreError
from drkit.model import LockMode
from drkit.stores.s3.bucket import Bucket
from drkit.stores.s3.errors import Refused

_STRENGTH = {None: 0, "governance": 1, "compliance": 2}
# Servers keep whole seconds of what they are told in a header.
_ROUNDED = timedelta(seconds=1)


def headers(mode: LockMode, until: datetime) -> dict[str, Any]:
    return {"ObjectLockMode": mode.upper(), "ObjectLockRetainUntilDate": until}


def cannot_lock(bucket: Bucket) -> StoreError:
    return StoreError(
        f"The bucket {bucket.name} cannot lock objects, and store.lock_days asks for locks.",
        hint="On many servers only a new bucket can be made with object lock: make one, name it in store.url, and copy"
        " there what the old one holds. On AWS it can be switched on later, too.",
    )


class Locks:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._heeds_headers = False

    def insist(self, key: str, version: str | None, mode: LockMode, until: datetime, *, whole: bool) -> None:
        """After a put that asked for the lock: it is there, or it is set now, or this raises. A server that was seen to
        heed what a `whole` put asks for is not asked again after each."""
        if whole and self._heeds_headers:
            return
        if self._holds(key, version, mode, until):
            self._heeds_headers = self._heeds_headers or whole
            return
        self._set(key, version, mode, until)
        if not self._holds(key, version, mode, until):
            raise StoreError(
                f"{self._bucket.where(key)} is there, and was not locked as it should be.",
                hint="`drkit check` tells whether this server can lock; without store.lock_days nothing is locked.",
            )

    def possible(self) -> bool:
        """Whether the bucket was made for locks; one that does not tell may be."""
        client, name = self._bucket.client, self._bucket.name
        try:
            self._bucket.attempt("", lambda: client.get_object_lock_configuration(Bucket=name))
        except NotFound:
            return False
        except StoreError:
            return True
        return True

    def read(self, key: str, version: str | None) -> tuple[str | None, datetime | None]:
        """Mode and end of the lock."""
        try:
            answer = self._bucket.attempt(
                key, lambda: self._bucket.client.get_object_retention(**self._at(key, version))
            )
        except (NotFound, Refused):  # how servers say that there is none, or that the bucket can have none
            return None, None
        kept = answer.get("Retention", {})
        return (kept.get("Mode") or "").lower() or None, kept.get("RetainUntilDate")

    def extend(self, key: str, version: str | None, mode: LockMode, until: datetime) -> None:
        """What is locked already keeps its mode: on most servers to change it is to weaken it. What is locked longer
        stays so."""
        found, end = self.read(key, version)
        if end is None or end < until:
            self._set(key, version, found or mode, until)

    def _set(self, key: str, version: str | None, mode: str, until: datetime) -> None:
        retention: Any = {"Mode": mode.upper(), "RetainUntilDate": until}
        self._bucket.attempt(
            key, lambda: self._bucket.client.put_object_retention(**self._at(key, version), Retention=retention)
        )

    def _holds(self, key: str, version: str | None, mode: LockMode, until: datetime) -> bool:
        found, end = self.read(key, version)
        return end is not None and end >= until - _ROUNDED and _STRENGTH.get(found, 0) >= _STRENGTH[mode]

    def _at(self, key: str, version: str | None) -> dict[str, Any]:
        return self._bucket.at(key) | ({"VersionId": version} if version else {})
