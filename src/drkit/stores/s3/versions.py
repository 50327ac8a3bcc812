"""The versions that a bucket keeps: listed, read, brought back, and removed for good.

It must not know why one is wanted.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from drkit.errors import Denied, NotFound, StoreError
from drkit.model import Version
from drkit.ports import Chunks
from drkit.stores.keys import is_key
from drkit.stores.retrying import keep_trying
from drkit.stores.s3.body import read_body
from drkit.stores.s3.bucket import Bucket
from drkit.stores.s3.errors import DigestWanted, NotSupported, Refused, our_errors
from drkit.stores.s3.locks import Locks

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef

_BATCH = 1000
_LARGEST_COPY = 5 << 30
_COPY_PART = 1 << 30


class Versions:
    def __init__(self, bucket: Bucket, locks: Locks) -> None:
        self._bucket = bucket
        self._locks = locks
        self._takes_batches = True

    def kept(self) -> bool:
        client, name = self._bucket.client, self._bucket.name
        try:
            answer = self._bucket.attempt("", lambda: client.get_bucket_versioning(Bucket=name))
        except NotSupported:
            return False
        return bool(answer.get("Status"))

    def find(self, prefix: str) -> Iterator[Version]:
        """A server lists versions and markers by key and the newest first, and boto3 takes them apart."""
        asked: dict[str, Any] = {"Bucket": self._bucket.name, "Prefix": self._bucket.prefix + prefix}
        while True:
            page = self._page(asked)
            yield from self._merged(page)
            if not page.get("IsTruncated"):
                return
            asked["KeyMarker"] = page["NextKeyMarker"]
            asked.pop("VersionIdMarker", None)
            if marker := page.get("NextVersionIdMarker"):
                asked["VersionIdMarker"] = marker

    def get(self, version: Version) -> Chunks:
        where = self._bucket.where(version.key)
        answer = self._bucket.attempt(
            version.key, lambda: self._bucket.client.get_object(**self._bucket.at(version.key), VersionId=version.id)
        )
        yield from read_body(answer, where)

    def bring_back(self, version: Version, markers: Sequence[Version]) -> None:
        """Who may not remove a marker may still put a copy over it."""
        if markers and not list(self.delete(markers)):
            return
        if version.size <= _LARGEST_COPY:
            source: Any = self._source(version)
            self._bucket.attempt(
                version.key,
                lambda: self._bucket.client.copy_object(**self._bucket.at(version.key), CopySource=source),
            )
        else:
            self._copy_in_parts(version)

    def delete(self, versions: Iterable[Version]) -> Iterator[tuple[Version, datetime | None]]:
        rest = iter(versions)
        while batch := list(islice(rest, _BATCH)):
            for version in self._delete_batch(batch):
                _, until = (None, None) if version.marker else self._locks.read(version.key, version.id)
                yield version, until

    def _delete_batch(self, batch: list[Version]) -> list[Version]:
        """Those that the server does not let go."""
        if self._takes_batches:
            try:
                return keep_trying(lambda: self._delete_at_once(batch), self._bucket.policy)
            except (NotSupported, DigestWanted, Refused, Denied):  # some want the right for the whole bucket then
                self._takes_batches = False
        return [version for version in batch if not self._delete_one(version)]

    def _delete_at_once(self, batch: list[Version]) -> list[Version]:
        objects: Any = [{"Key": self._bucket.prefix + each.key, "VersionId": each.id} for each in batch]
        with our_errors(self._bucket.where(batch[0].key)):
            answer = self._bucket.client.delete_objects(
                Bucket=self._bucket.name, Delete={"Objects": objects, "Quiet": True}
            )
        kept = []
        known = {(self._bucket.prefix + each.key, each.id): each for each in batch}
        for error in answer.get("Errors", ()):
            key, code = error.get("Key", ""), error.get("Code", "")
            try:
                with our_errors(f"s3://{self._bucket.name}/{key}"), suppress(NotFound):
                    raise ClientError({"Error": {"Code": code, "Message": error.get("Message", "")}}, "DeleteObjects")
            except Denied:
                kept.append(known[key, error.get("VersionId", "")])
        return kept

    def _delete_one(self, version: Version) -> bool:
        client, asked = self._bucket.client, self._bucket.at(version.key)
        try:
            with suppress(NotFound):
                self._bucket.attempt(version.key, lambda: client.delete_object(**asked, VersionId=version.id))
        except Denied:
            return False
        return True

    def _copy_in_parts(self, version: Version) -> None:
        client, key, source = self._bucket.client, version.key, self._source(version)
        upload = self._bucket.at(key)
        upload["UploadId"] = self._bucket.attempt(key, lambda: client.create_multipart_upload(**self._bucket.at(key)))[
            "UploadId"
        ]

        def copy(number: int) -> str:
            start = (number - 1) * _COPY_PART
            span = f"bytes={start}-{min(start + _COPY_PART, version.size) - 1}"
            answer = client.upload_part_copy(**upload, PartNumber=number, CopySource=source, CopySourceRange=span)
            return answer["CopyPartResult"]["ETag"]

        try:
            parts: Any = [
                {"PartNumber": number, "ETag": self._bucket.attempt(key, lambda: copy(number))}  # noqa: B023
                for number in range(1, -(-version.size // _COPY_PART) + 1)
            ]
            self._bucket.attempt(
                key, lambda: client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
            )
        except BaseException:
            with suppress(StoreError), our_errors(self._bucket.where(key)):
                client.abort_multipart_upload(**upload)
            raise

    def _source(self, version: Version) -> Any:
        return {**self._bucket.at(version.key), "VersionId": version.id}

    def _page(self, asked: dict[str, Any]) -> "ListObjectVersionsOutputTypeDef":
        return self._bucket.attempt("", lambda: self._bucket.client.list_object_versions(**asked))

    def _merged(self, page: "ListObjectVersionsOutputTypeDef") -> Iterator[Version]:
        cut = len(self._bucket.prefix)
        found = [
            Version(
                each["Key"][cut:], each["VersionId"], each["Size"], each["LastModified"], each["IsLatest"],
                tag=each["ETag"],
            )
            for each in page.get("Versions", ())
        ] + [
            Version(each["Key"][cut:], each["VersionId"], 0, each["LastModified"], each["IsLatest"], marker=True)
            for each in page.get("DeleteMarkers", ())
        ]  # fmt: skip
        # the sort is stable, so what has the same stamp stays in the server's order
        found.sort(key=lambda each: each.modified_at, reverse=True)
        found.sort(key=lambda each: (each.key, not each.current))
        yield from (each for each in found if is_key(each.key))
