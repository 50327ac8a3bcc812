"""A bucket, or a prefix in one, as a store.

It must not know where its client and credentials come from, nor what the keys mean.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from drkit.model import Entry, Finding, LockMode, Version
from drkit.ports import Chunks
from drkit.stores.keys import check_key, is_key
from drkit.stores.retrying import RetryPolicy
from drkit.stores.s3.body import read_body
from drkit.stores.s3.bucket import Bucket
from drkit.stores.s3.clearing import Clearing
from drkit.stores.s3.errors import OutOfRange, Refused, our_errors
from drkit.stores.s3.facts import describe
from drkit.stores.s3.locks import Locks, cannot_lock, headers
from drkit.stores.s3.upload import Uploads
from drkit.stores.s3.versions import Versions

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class S3Store:
    """Tries again what it alone can replay: requests inside a put or a sweep. The rest is for a RetryingStore."""

    def __init__(self, client: "S3Client", bucket: str, prefix: str = "", policy: RetryPolicy | None = None) -> None:
        plain = prefix.strip("/")
        self._bucket = Bucket(client, bucket, f"{plain}/" if plain else "", policy or RetryPolicy())
        self._uploads = Uploads(self._bucket)
        self._clearing = Clearing(self._bucket)
        self._locks = Locks(self._bucket)
        self._versions = Versions(self._bucket, self._locks)

    def put(self, key: str, chunks: Chunks) -> None:
        check_key(key)
        self._uploads.put(key, chunks)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Chunks:
        check_key(key)
        where, asked = self._bucket.where(key), self._bucket.at(key)
        if end is not None and end <= start:
            with our_errors(where):
                self._bucket.client.head_object(**asked)
            return
        if start or end is not None:
            asked["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            with our_errors(where):
                answer = self._bucket.client.get_object(**asked)
        except OutOfRange:
            return
        yield from read_body(answer, where)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        asked: dict[str, Any] = {"Bucket": self._bucket.name, "Prefix": self._bucket.prefix + prefix}
        while True:
            with our_errors(self._bucket.where(prefix)):
                page = self._bucket.client.list_objects_v2(**asked)
            for found in page.get("Contents", ()):
                key = found["Key"][len(self._bucket.prefix) :]
                if is_key(key):
                    yield Entry(key, found["Size"], found["LastModified"])
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, keys: Iterable[str]) -> None:
        self._clearing.delete(keys)

    def sweep(self, before: datetime) -> int:
        return self._clearing.sweep(before)

    def keeps_versions(self) -> bool:
        return self._versions.kept()

    def versions(self, prefix: str = "") -> Iterator[Version]:
        return self._versions.find(prefix)

    def get_version(self, version: Version) -> Chunks:
        return self._versions.get(version)

    def bring_back(self, version: Version, markers: Sequence[Version] = ()) -> None:
        self._versions.bring_back(version, markers)

    def delete_versions(self, versions: Iterable[Version]) -> Iterator[tuple[Version, datetime | None]]:
        return self._versions.delete(versions)

    def put_locked(self, key: str, chunks: Chunks, mode: LockMode, until: datetime) -> None:
        check_key(key)
        try:
            put = self._uploads.put(key, chunks, headers(mode, until))
        except Refused as error:
            if self._locks.possible():
                raise
            raise cannot_lock(self._bucket) from error
        self._locks.insist(key, put.version, mode, until, whole=put.whole)

    def locked_until(self, version: Version) -> datetime | None:
        return self._locks.read(version.key, version.id)[1]

    def extend(self, version: Version, mode: LockMode, until: datetime) -> None:
        self._locks.extend(version.key, version.id, mode, until)

    def describe(self) -> Iterator[Finding]:
        return describe(self._bucket)
